import { evolveBook } from '../alarm/book.ts';
import { isAlarmEvent } from '../alarm/events.ts';
import type { SystemEvent, SystemState } from './state.ts';

export function evolveSystem({ decided, live }: SystemState, event: SystemEvent): SystemState {
  if (isAlarmEvent(event)) return { decided: { ...decided, alarms: evolveBook(decided.alarms, event) }, live };
  switch (event.kind) {
    case 'CertificateSeen': {
      const { whose, subject, thumbprint, expiresAtMs } = event;
      const others = decided.certificates.filter((certificate) => certificate.whose !== whose);
      const certificates = [...others, { whose, subject, thumbprint, expiresAtMs }];
      return { decided: { ...decided, certificates }, live };
    }
    case 'LinkLost': {
      const { reason, detail, atMs } = event;
      return { decided: { ...decided, link: { state: 'lost', reason, detail, sinceMs: atMs } }, live };
    }
    case 'LinkBack': {
      const link = { state: 'up', reason: 'connected', detail: null, sinceMs: event.atMs } as const;
      return { decided: { ...decided, link }, live };
    }
    case 'BufferOverflow':
      return { decided, live };
    default:
      return unreachable(event);
  }
}

function unreachable(event: never): never {
  throw new Error(`not an event of the system: ${JSON.stringify(event)}`);
}
