import type { Rule } from '../../topology/schema/rule.ts';

/** An alarm of the system itself. Whether it stands is told by whoever watches over it, so it has no condition of its own. */
export type SystemRule = Pick<
  Rule,
  'id' | 'name' | 'metric' | 'severity' | 'response' | 'latched' | 'autoAckOnClear' | 'active'
>;

/** Nothing to reset, and a person has seen each that came. */
const PLAIN = { latched: false, autoAckOnClear: false, active: true } as const;

/** From `certificateWarningDays` before its end on; raised again, and higher, when it has ended. */
export const SERVER_CERTIFICATE: SystemRule = {
  id: 'server-certificate',
  name: 'Certificate of the server',
  severity: 'MEDIUM',
  response:
    'Have the certificate of the server renewed before it ends. The new one is refused until it is trusted: move it from rejected to trusted/certs in the folder opcua-pki',
  ...PLAIN,
};

export const OWN_CERTIFICATE: SystemRule = {
  id: 'own-certificate',
  name: 'Our own certificate',
  severity: 'MEDIUM',
  response:
    'Renew the certificate in the folder opcua-pki/own, and have it trusted by every server that this node connects to',
  ...PLAIN,
};

/** TIM-04. */
export const CLOCK_OFFSET: SystemRule = {
  id: 'clock-offset',
  name: 'Clock of this node',
  severity: 'MEDIUM',
  response: 'Check the time synchronisation (NTP) of the machine that the node runs on',
  ...PLAIN,
};

/** By the kind of the entity that holds them. */
export const SYSTEM_RULES = {
  connection: [SERVER_CERTIFICATE],
  node: [OWN_CERTIFICATE, CLOCK_OFFSET],
} as const satisfies Readonly<Record<string, readonly SystemRule[]>>;
