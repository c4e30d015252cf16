import { LINK_CODES } from '../driver-codes.ts';
import { MQTT_CODES } from '../mqtt/codes.ts';

const WORDS = { ...LINK_CODES, ...MQTT_CODES };

const DRIVERS: Readonly<Record<string, string>> = { modbus: 'Modbus', opcua: 'OPC UA', mqtt: 'MQTT' };

/** What of a report is told in words. */
export interface ToldReport {
  readonly state: string;
  /** What is the matter; or, where a driver has nothing to say, the address alone. */
  readonly detail?: string | undefined;
  readonly lastError?: { readonly code: string; readonly message: string } | undefined;
}

export function driverName(driver: string): string {
  return DRIVERS[driver] ?? driver;
}

/**
 * What went wrong with a link, in words that say so without the code and without the protocol.
 *
 * @param silent how many of its devices are not online
 */
export function whatIsWrong({ state, detail, lastError }: ToldReport, silent: number, devices: number): string {
  if (state === 'stopped') return 'it was ended here';
  if (state === 'degraded') {
    // The last error may be one of long ago, that the link has overcome since.
    const what = detail !== undefined && isSentence(detail) ? detail : undefined;
    const who = silent > 0 ? `${silent} of ${devices} devices ${silent === 1 ? 'does' : 'do'} not answer` : undefined;
    return [who, what].filter((part) => part !== undefined).join('; ') || 'not everything on it answers';
  }
  if (lastError !== undefined) return failureWords(lastError);
  const where = detail === undefined || detail === '' ? '' : ` (${detail})`;
  return state === 'connecting' ? `the first attempt is under way${where}` : `no attempt has succeeded yet${where}`;
}

function failureWords({ code, message }: { readonly code: string; readonly message: string }): string {
  const words = isKnown(code) ? lowerFirst(WORDS[code]) : code.replaceAll('_', ' ');
  return message === '' || message === code ? words : `${words} (${message})`;
}

function isSentence(text: string): boolean {
  return text.includes(' ');
}

function isKnown(code: string): code is keyof typeof WORDS {
  return Object.hasOwn(WORDS, code);
}

/** `No route` begins a sentence in the list of codes; an acronym stays as it is. */
function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) || /^[AI] /.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
