export interface ConnectionLimits {
  /** WebSockets at once. */
  readonly total: number;
  readonly perToken: number;
  readonly perAddress: number;
}

/** Whoever holds a connection, or wants one. */
export interface Holder {
  readonly tokenId: string;
  readonly address: string;
}

/** How many sockets are open, by whom and from where: neither a token nor an address may take them all. Bounded by the total. */
export class ConnectionCounts {
  readonly #limits: ConnectionLimits;
  readonly #byToken = new Map<string, number>();
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get full(): boolean {
    return this.#total >= this.#limits.total;
  }

  /** Why there is no room for one more, in words; undefined when there is. */
  refusal({ tokenId, address }: Holder): string | undefined {
    const { perToken, perAddress } = this.#limits;
    if ((this.#byToken.get(tokenId) ?? 0) >= perToken)
      return `this token has ${perToken} connections, the most it may have`;
    if ((this.#byAddress.get(address) ?? 0) >= perAddress)
      return `this address has ${perAddress} connections, the most it may have`;
    return undefined;
  }

  opened({ tokenId, address }: Holder): void {
    this.#total++;
    add(this.#byToken, tokenId, 1);
    add(this.#byAddress, address, 1);
  }

  closed({ tokenId, address }: Holder): void {
    this.#total--;
    add(this.#byToken, tokenId, -1);
    add(this.#byAddress, address, -1);
  }
}

function add(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
