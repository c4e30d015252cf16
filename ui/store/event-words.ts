import { isAlarm } from './alarm-book.ts';
import { formatAge, formatValue, words } from './format.ts';
import { reasonWords } from './reasons.ts';
import { humanDurations } from './server-words.ts';
import { isRecord } from './session.ts';

/** Kinds whose own words would say too little to an operator. */
const TITLES: Readonly<Record<string, string>> = {
  AlarmCannotEvaluate: 'Alarm cannot be evaluated',
  AlarmEvaluable: 'Alarm can be evaluated again',
  AlarmOrderLinked: 'Alarm has a work order',
  LinkedDeviceReported: 'Device state noted',
  WorkOrderNoted: 'Work order state noted',
  OccurrenceAppended: 'Repeat added to the work order',
  WorkOrderOccurrenceAppended: 'Repeat added to the work order',
  WorkOrderOccurrencePassedOn: 'Repeat needs a new work order',
  WorkOrderForgotten: 'Work order ended',
  RuleCreated: 'Rule made',
  RuleReassigned: 'Rule for other assets',
  RuleConfirmed: 'Rule confirmed',
  RuleToldAgain: 'Rule told again',
  RuleNoted: 'Rule noted',
  LogInRefused: 'Log-in refused',
  PermissionRefused: 'Refused',
  EntityRestarted: 'Restarted',
  AccessRecordsOmitted: 'More of the same',
};

/** What an event of a kind is called. */
export function eventTitle(kind: string): string {
  return TITLES[kind] ?? words(kind);
}

/**
 * What happened, in one sentence; empty where the kind of the event says it all.
 * @param nameOf what an entity is called
 */
export function eventWords(
  kind: string,
  event: unknown,
  after: unknown,
  nameOf: (entity: string) => string = (entity) => entity.slice(entity.indexOf('/') + 1),
): string {
  const fields = new Fields(isRecord(event) ? event : {});
  const ofAsset = (asset: string) => nameOf(`asset/${asset}`);
  if (kind.startsWith('Alarm')) return alarmWords(kind, fields, after);
  switch (kind) {
    case 'DeviceOnline':
    case 'DeviceOffline':
    case 'DeviceUnknown':
    case 'LinkLost':
      return sentence(fields.code('reason'), humanDurations(fields.text('detail')));
    case 'CertificateSeen':
      return sentence(`of the ${fields.text('whose') === 'own' ? 'installation' : 'server'}`, fields.text('subject'));
    case 'BufferOverflow':
      return `the disk was nearly full: the oldest ${fields.text('what')} dropped, ${fields.number('lost')} records of it nobody else has`;
    case 'DeviceIntroduced':
      return `linked to ${fields.list('assets', (asset) => nameOf(`asset/${asset}`)) || 'no asset'}`;
    case 'LinkedDeviceReported':
      return sentence(`${nameOf(`device/${fields.text('device')}`)} is ${fields.code('state')}`, fields.code('reason'));
    case 'ReadingGap':
      return `no reading for ${fields.age('actualGapMs')}, ${fields.number('missingSamples')} missing`;
    case 'WriteRequested':
      return `${fields.code('point')} = ${fields.value('value')}`;
    case 'WriteFinished':
      return sentence(fields.code('state'), fields.text('message') || fields.code('code'));
    case 'RuleCreated':
    case 'RuleChanged':
      return sentence(
        fields.in('rule').text('name'),
        fields.in('rule').is('active', false) ? 'switched off' : fields.many('assets', 'asset'),
      );
    case 'RuleReassigned':
      return [
        `new: ${fields.list('added', ofAsset) || 'none'}`,
        `no longer: ${[fields.list('removed', ofAsset), fields.list('gone', ofAsset)].filter(Boolean).join(', ') || 'none'}`,
      ].join('; ');
    case 'RuleConfirmed':
      return `by ${nameOf(`asset/${fields.text('asset')}`)}`;
    case 'RuleToldAgain':
      return fields.list('assets', ofAsset);
    case 'RuleAdopted':
      return sentence(fields.in('rule').text('name'), fields.in('rule').is('active', false) ? 'switched off' : '');
    case 'RuleDropped':
      return fields.text('id');
    case 'RuleNoted':
      return fields.text('rule');
    case 'AssetStatusChanged':
      return sentence(`${fields.code('from')} → ${fields.code('to')}`, fields.text('reason'));
    case 'WorkOrderTransitioned':
      return sentence(
        `${fields.code('from')} → ${fields.code('to')}`,
        [fields.code('holdReason'), fields.text('note')].filter(Boolean).join(', '),
      );
    case 'WorkOrderCreated':
    case 'WorkOrderNumbered':
    case 'OccurrenceAppended':
    case 'WorkOrderOccurrencePassedOn':
      return sentence(fields.text('number'), fields.in('draft').text('title'));
    case 'WorkOrderNoted':
      return sentence(fields.text('number'), fields.code('state'));
    case 'WorkOrderAssigned':
      return `to ${fields.text('to') || fields.text('role') || 'nobody'}`;
    case 'WorkOrderEdited':
      return fields.in('changes').names();
    case 'ChecklistItemCompleted':
      return fields.has('value')
        ? `item ${fields.ordinal('index')}: ${fields.value('value')}`
        : `item ${fields.ordinal('index')}`;
    case 'ChecklistItemSkipped':
      return sentence(`item ${fields.ordinal('index')}`, fields.text('reason'));
    case 'LoggedIn':
      return [fields.text('role'), fields.from(), fields.times()].filter(Boolean).join(', ');
    case 'LoggedOut':
      return [fields.from(), fields.times()].filter(Boolean).join(', ');
    case 'LogInRefused':
      return [fields.code('code'), fields.from(), fields.times()].filter(Boolean).join(', ');
    case 'PermissionRefused':
      return sentence(fields.text('wanted'), [fields.text('reason'), fields.times()].filter(Boolean).join(', '));
    case 'TokenCreated':
    case 'TokenRevoked':
      return [fields.in('token').text('name'), fields.in('token').text('role')].filter(Boolean).join(', ');
    case 'EntityRestarted':
      return sentence(
        nameOf(fields.text('entity')),
        [fields.code('outcome'), fields.from()].filter(Boolean).join(', '),
      );
    case 'AccessRecordsOmitted':
      return `${eventTitle(fields.text('of'))} ${fields.times()}, not written down one by one`;
    default:
      return ['number', 'title', 'user', 'state', 'code', 'reason', 'note', 'text', 'message', 'address']
        .map((name) => (CODES.has(name) ? fields.code(name) : fields.text(name)))
        .filter(Boolean)
        .join(', ');
  }
}

/** Of these fields the values are codes, not sentences. */
const CODES: ReadonlySet<string> = new Set(['state', 'code', 'reason']);

function alarmWords(kind: string, fields: Fields, after: unknown): string {
  const name = isAlarm(after) ? after.name : fields.text('rule');
  const message = isAlarm(after) ? after.message : '';
  switch (kind) {
    case 'AlarmAcknowledged':
      return sentence(name, fields.text('comment'));
    case 'AlarmCommented':
      return sentence(name, fields.text('text'));
    case 'AlarmShelved':
    case 'AlarmTakenOutOfService':
      return sentence(name, fields.text('reason'));
    case 'AlarmSuppressed':
      return sentence(name, fields.code('cause'));
    case 'AlarmCleared':
    case 'AlarmCannotEvaluate':
      return sentence(name, fields.code('reason'));
    case 'AlarmOrderLinked':
      return sentence(name, fields.text('workOrder') || 'order ended');
    case 'AlarmReset':
    case 'AlarmUnshelved':
    case 'AlarmUnsuppressed':
    case 'AlarmReturnedToService':
    case 'AlarmEvaluable':
      return name;
    default:
      return sentence(name, message);
  }
}

/** `subject: more`, without the colon where there is nothing more. */
function sentence(subject: string, more: string): string {
  if (subject === '') return more;
  return more === '' || more === subject ? subject : `${subject}: ${more}`;
}

/** Fields that say why; others say what. */
const REASONS: ReadonlySet<string> = new Set(['reason', 'cause', 'code']);

/** Reads an event whose shape is known by its kind alone, and never trips over one that is not as expected. */
class Fields {
  readonly #record: Readonly<Record<string, unknown>>;

  constructor(record: Readonly<Record<string, unknown>>) {
    this.#record = record;
  }

  has(name: string): boolean {
    return this.#record[name] !== null && this.#record[name] !== undefined;
  }

  is(name: string, wanted: boolean): boolean {
    return this.#record[name] === wanted;
  }

  /** `3 assets`; empty where there is no list. */
  many(name: string, noun: string): string {
    const value = this.#record[name];
    if (!Array.isArray(value)) return '';
    return `${value.length} ${noun}${value.length === 1 ? '' : 's'}`;
  }

  text(name: string): string {
    const value = this.#record[name];
    return typeof value === 'string' ? value : '';
  }

  /** A stable code in words. */
  code(name: string): string {
    return REASONS.has(name) ? reasonWords(this.text(name)) : words(this.text(name));
  }

  number(name: string): string {
    const value = this.#record[name];
    return typeof value === 'number' ? formatValue(value, 0) : '';
  }

  /** People count from one. */
  ordinal(name: string): string {
    const value = this.#record[name];
    return typeof value === 'number' ? String(value + 1) : '';
  }

  age(name: string): string {
    const value = this.#record[name];
    return typeof value === 'number' ? formatAge(value) : '';
  }

  value(name: string): string {
    const value = this.#record[name];
    return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean'
      ? formatValue(value, 2)
      : '';
  }

  list(name: string, nameOf: (each: string) => string): string {
    const value = this.#record[name];
    if (!Array.isArray(value)) return '';
    return value.flatMap((each) => (typeof each === 'string' ? nameOf(each) : [])).join(', ');
  }

  /** Where a client stands; null is the machine itself. */
  from(): string {
    const address = this.text('address');
    return address === '' ? 'on the machine itself' : `from ${address}`;
  }

  /** Only where it happened more than once. */
  times(): string {
    const times = this.#record.times;
    return typeof times === 'number' && times > 1 ? `${formatValue(times, 0)} times` : '';
  }

  names(): string {
    return Object.keys(this.#record).map(words).join(', ');
  }

  in(name: string): Fields {
    const value = this.#record[name];
    return new Fields(isRecord(value) ? value : {});
  }
}
