import type { ModbusPoint } from '../../topology/schema/modbus.ts';

/**
 * Turns points into as few reads as the device allows: neighbours are joined across a small gap, never beyond a limit and never
 * across a range that the device has refused. Pure; a plan is made when points or learned ranges change, not per poll.
 */
export function planReads(
  points: readonly PlannedPoint[],
  limits: ReadLimits,
  illegal: readonly AddressRange[],
): ReadPlan {
  const requests: PlannedRequest[] = [];
  const refused: RefusedPoint[] = [];
  const readable: PlannedPoint[] = [];
  for (const point of points) {
    const reason = refusal(point, limits, illegal);
    if (reason === null) readable.push(point);
    else refused.push({ point, reason });
  }
  readable.sort((a, b) => (a.area === b.area ? a.address - b.address || a.count - b.count : a.area < b.area ? -1 : 1));

  let open: OpenRequest | null = null;
  for (const point of readable) {
    const end = point.address + point.count;
    if (open !== null && mayJoin(open, point, limits, illegal)) {
      open.end = Math.max(open.end, end);
      open.points.push(point);
      continue;
    }
    if (open !== null) requests.push(close(open));
    open = { area: point.area, address: point.address, end, points: [point] };
  }
  if (open !== null) requests.push(close(open));
  return { requests, refused };
}

/**
 * Halves a refused request between two points, as near to its middle as can be. Null: nothing to halve, the points share
 * registers, so that the request itself is what the device refuses.
 */
export function bisect(request: PlannedRequest): Bisection | null {
  const middle = request.address + request.count / 2;
  let best: { index: number; leftEnd: number; distance: number } | null = null;
  let end = request.address;
  for (let index = 0; index < request.points.length; index++) {
    const point = request.points[index];
    if (point === undefined) break;
    if (index > 0 && point.address >= end) {
      const distance = Math.abs((end + point.address) / 2 - middle);
      if (best === null || distance < best.distance) best = { index, leftEnd: end, distance };
    }
    end = Math.max(end, point.address + point.count);
  }
  if (best === null) return null;
  const rightPoints = request.points.slice(best.index);
  const rightStart = rightPoints[0]?.address ?? request.address;
  return {
    left: {
      area: request.area,
      address: request.address,
      count: best.leftEnd - request.address,
      points: request.points.slice(0, best.index),
    },
    right: { area: request.area, address: rightStart, count: end - rightStart, points: rightPoints },
    between: { area: request.area, from: best.leftEnd, to: rightStart },
  };
}

export type Area = ModbusPoint['area'];

export interface PlannedPoint {
  /** Place in the caller's list. */
  readonly index: number;
  readonly area: Area;
  readonly address: number;
  readonly count: number;
}

/** From `from` up to, not including, `to`. Empty (`from === to`): a border that no request may span, though both sides can be read. */
export interface AddressRange {
  readonly area: Area;
  readonly from: number;
  readonly to: number;
}

export interface ReadLimits {
  readonly registers: number;
  readonly bits: number;
  readonly maxGap: number;
}

export interface PlannedRequest {
  readonly area: Area;
  readonly address: number;
  readonly count: number;
  /** By address. */
  readonly points: readonly PlannedPoint[];
}

export interface RefusedPoint {
  readonly point: PlannedPoint;
  readonly reason: 'illegal_range' | 'modbus_exceeds_limit' | 'modbus_invalid_address';
}

export interface ReadPlan {
  readonly requests: readonly PlannedRequest[];
  readonly refused: readonly RefusedPoint[];
}

export interface Bisection {
  readonly left: PlannedRequest;
  readonly right: PlannedRequest;
  /** What lies between both halves: the culprit when each can be read alone. */
  readonly between: AddressRange;
}

/** Whether a request for `[from, to)` would read from the range, or span it where it is empty. */
export function touches(range: AddressRange, area: Area, from: number, to: number): boolean {
  return range.area === area && from < range.to && range.from < to;
}

/** Modbus application protocol V1.1b3, 6.1 to 6.4. */
const PROTOCOL_LIMITS = { registers: 125, bits: 2000 };
const ADDRESSES = 65_536;

interface OpenRequest {
  readonly area: Area;
  readonly address: number;
  end: number;
  readonly points: PlannedPoint[];
}

function refusal(
  point: PlannedPoint,
  limits: ReadLimits,
  illegal: readonly AddressRange[],
): RefusedPoint['reason'] | null {
  if (point.address < 0 || point.address + point.count > ADDRESSES) return 'modbus_invalid_address';
  if (point.count > limitOf(point.area, limits)) return 'modbus_exceeds_limit';
  for (const range of illegal) {
    if (touches(range, point.area, point.address, point.address + point.count)) return 'illegal_range';
  }
  return null;
}

function mayJoin(
  open: OpenRequest,
  point: PlannedPoint,
  limits: ReadLimits,
  illegal: readonly AddressRange[],
): boolean {
  if (open.area !== point.area || point.address - open.end > limits.maxGap) return false;
  const end = Math.max(open.end, point.address + point.count);
  if (end - open.address > limitOf(open.area, limits)) return false;
  for (const range of illegal) {
    if (touches(range, open.area, open.address, end)) return false;
  }
  return true;
}

function limitOf(area: Area, limits: ReadLimits): number {
  return area === 'coil' || area === 'discrete'
    ? Math.min(limits.bits, PROTOCOL_LIMITS.bits)
    : Math.min(limits.registers, PROTOCOL_LIMITS.registers);
}

function close(open: OpenRequest): PlannedRequest {
  return { area: open.area, address: open.address, count: open.end - open.address, points: open.points };
}
