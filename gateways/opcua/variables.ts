import type { DataValue } from 'node-opcua-client';
import { readOperationLimits } from './services.ts';
import type { FieldSession } from './session.ts';
import { BuiltIn, engineeringValue } from './values.ts';

/** What a person has to know of a variable to make a point of it. */
export interface VariableFacts {
  /** Name of the data type, `[]` behind an array. */
  readonly dataType: string;
  /** What a point of it would be; null where it is no single value. */
  readonly pointType: 'number' | 'boolean' | 'string' | null;
  /** What our user may do. */
  readonly access: { readonly read: boolean; readonly write: boolean };
  /** For people; the name of the status where there is no value. */
  readonly value: string;
  /** Of its EngineeringUnits; null where the server has none. */
  readonly unit: string | null;
}

interface Raw {
  readonly value: DataValue | undefined;
  readonly typeId: string;
  readonly valueRank: number;
  readonly accessLevel: number;
}

const VALUE = 13;
const ATTRIBUTES = [VALUE, 14, 15, 17, 18];
const BROWSE_NAME = 3;
const HAS_SUBTYPE = 'i=45';
const HAS_PROPERTY = 'i=46';
const INVERSE = 1;
/** No data type lies deeper below its built-in one. */
const MAX_SUPERTYPES = 16;
const PATHS_PER_CALL = 100;
const LONGEST_VALUE = 60;

/** Namespace 0: built-in types, and the abstract ones above them (OPC 10000-6, 5.1.2). */
const NAMES: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(BuiltIn).map(([name, id]) => [id, name])),
  14: 'Guid',
  15: 'ByteString',
  16: 'XmlElement',
  17: 'NodeId',
  18: 'ExpandedNodeId',
  19: 'StatusCode',
  20: 'QualifiedName',
  22: 'Structure',
  23: 'DataValue',
  24: 'BaseDataType',
  25: 'DiagnosticInfo',
  26: 'Number',
  27: 'Integer',
  28: 'UInteger',
  29: 'Enumeration',
};
const STANDARD_TYPE = /^ns=0;i=(\d+)$/;

/** Facts of many variables, in calls the server allows. */
export async function readVariables(
  session: FieldSession,
  nodeIds: readonly string[],
): Promise<ReadonlyMap<string, VariableFacts>> {
  const { nodesPerRead } = await readOperationLimits(session);
  const raws: Raw[] = [];
  const perCall = Math.max(1, Math.floor(nodesPerRead / ATTRIBUTES.length));
  for (let from = 0; from < nodeIds.length; from += perCall)
    raws.push(...(await readAttributes(session, nodeIds.slice(from, from + perCall))));
  const types = new DataTypes(session);
  const units = await readUnits(session, nodeIds, nodesPerRead);
  const facts = new Map<string, VariableFacts>();
  for (const [i, nodeId] of nodeIds.entries()) {
    const raw = raws[i];
    if (raw !== undefined) facts.set(nodeId, await factsOf(raw, types, units.get(nodeId) ?? null));
  }
  return facts;
}

async function readAttributes(session: FieldSession, nodeIds: readonly string[]): Promise<Raw[]> {
  const answers = await session.read(
    nodeIds.flatMap((nodeId) => ATTRIBUTES.map((attributeId) => ({ nodeId, attributeId }))),
  );
  return nodeIds.map((_, i) => {
    const [value, type, rank, level, userLevel] = answers.slice(i * ATTRIBUTES.length, (i + 1) * ATTRIBUTES.length);
    const typeId: unknown = type?.value?.value;
    return {
      value,
      typeId: typeId === null || typeId === undefined ? '' : String(typeId),
      valueRank: numberOf(rank) ?? -1,
      accessLevel: numberOf(userLevel) ?? numberOf(level) ?? 0,
    };
  });
}

async function factsOf(raw: Raw, types: DataTypes, unit: string | null): Promise<VariableFacts> {
  const variant = raw.value?.value ?? null;
  const given = raw.value?.statusCode.isNotGood() === true ? null : variant;
  const present = given !== null && given.dataType !== BuiltIn.Null;
  const array = present ? given.arrayType !== 0 : raw.valueRank >= 0;
  // A value says of which built-in type it is; the type of its node may be anything below it.
  const builtIn = present ? given.dataType : await types.builtIn(raw.typeId);
  return {
    dataType: `${await types.name(raw.typeId)}${array ? '[]' : ''}`,
    pointType: array ? null : pointTypeOf(builtIn),
    access: { read: (raw.accessLevel & 1) !== 0, write: (raw.accessLevel & 2) !== 0 },
    value: shownValue(raw.value),
    unit,
  };
}

function pointTypeOf(builtIn: number | null): VariableFacts['pointType'] {
  if (builtIn === null) return null;
  if (builtIn === BuiltIn.Boolean) return 'boolean';
  if (builtIn >= BuiltIn.SByte && builtIn <= BuiltIn.Double) return 'number';
  // Number, Integer, UInteger, Enumeration.
  if (builtIn >= 26 && builtIn <= 29) return 'number';
  const texts: readonly number[] = [BuiltIn.String, BuiltIn.DateTime, BuiltIn.LocalizedText];
  return texts.includes(builtIn) ? 'string' : null;
}

function shownValue(data: DataValue | undefined): string {
  if (data === undefined) return 'no answer';
  if (data.statusCode.isBad()) return data.statusCode.name;
  const { value: variant } = data;
  if (variant === null || variant === undefined || variant.dataType === BuiltIn.Null) return 'no value';
  const raw: unknown = variant.value;
  if (variant.arrayType !== 0)
    return typeof raw === 'object' && raw !== null && 'length' in raw ? `${String(raw.length)} values` : 'an array';
  const type = pointTypeOf(variant.dataType);
  const conversion = type === null ? null : engineeringValue(variant, { type, scale: 1, offset: 0 });
  if (conversion === null) return NAMES[variant.dataType] ?? 'unknown';
  if ('reason' in conversion) return conversion.reason;
  const { value } = conversion;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, LONGEST_VALUE));
  // A Float carries seven digits; the others come from its conversion to a Double.
  const exact = variant.dataType === BuiltIn.Float && typeof value === 'number' ? Number(value.toPrecision(7)) : value;
  return data.statusCode.isGood() ? String(exact) : `${exact} (${data.statusCode.name})`;
}

/** Names and built-in types of data types, each asked for once. */
class DataTypes {
  readonly #session: FieldSession;
  readonly #names = new Map<string, Promise<string>>();
  readonly #builtIns = new Map<string, Promise<number | null>>();

  constructor(session: FieldSession) {
    this.#session = session;
  }

  name(typeId: string): Promise<string> {
    return once(this.#names, typeId, async () => {
      const id = standardId(typeId);
      return (id === null ? undefined : NAMES[id]) ?? (await this.#browseName(typeId));
    });
  }

  builtIn(typeId: string): Promise<number | null> {
    return once(this.#builtIns, typeId, async () => {
      let at: string | null = typeId;
      for (let step = 0; at !== null && at !== '' && step < MAX_SUPERTYPES; step++) {
        const id = standardId(at);
        if (id !== null && NAMES[id] !== undefined) return id;
        at = await this.#supertype(at);
      }
      return null;
    });
  }

  async #browseName(nodeId: string): Promise<string> {
    if (nodeId === '') return 'unknown';
    const answer = await this.#session.read({ nodeId, attributeId: BROWSE_NAME });
    const name: unknown = answer.value?.value;
    return typeof name === 'object' && name !== null && 'name' in name && typeof name.name === 'string'
      ? name.name
      : nodeId;
  }

  async #supertype(nodeId: string): Promise<string | null> {
    const { references } = await this.#session.browse({
      nodeId,
      referenceTypeId: HAS_SUBTYPE,
      includeSubtypes: false,
      browseDirection: INVERSE,
      nodeClassMask: 0,
      resultMask: 0,
    });
    return references?.[0]?.nodeId.toString() ?? null;
  }
}

function standardId(typeId: string): number | null {
  const id = STANDARD_TYPE.exec(typeId)?.[1];
  return id === undefined ? null : Number(id);
}

function once<T>(known: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const answer = known.get(key) ?? ask();
  known.set(key, answer);
  return answer;
}

/** The display names of EngineeringUnits (OPC 10000-8, 5.6.3) of those variables that have them. */
async function readUnits(
  session: FieldSession,
  nodeIds: readonly string[],
  nodesPerRead: number,
): Promise<ReadonlyMap<string, string>> {
  const properties: { readonly owner: string; readonly nodeId: string }[] = [];
  for (let from = 0; from < nodeIds.length; from += PATHS_PER_CALL) {
    const owners = nodeIds.slice(from, from + PATHS_PER_CALL);
    const results = await session.translateBrowsePath(owners.map(unitPath)).catch(noUnits);
    for (const [i, owner] of owners.entries()) {
      const target = results[i]?.targets?.[0];
      if (target !== undefined && target !== null) properties.push({ owner, nodeId: target.targetId.toString() });
    }
  }
  const units = new Map<string, string>();
  for (let from = 0; from < properties.length; from += nodesPerRead) {
    const batch = properties.slice(from, from + nodesPerRead);
    const values = await session.read(batch.map(({ nodeId }) => ({ nodeId, attributeId: VALUE })));
    for (const [i, { owner }] of batch.entries()) {
      const unit = unitOf(values[i]?.value?.value);
      if (unit !== null) units.set(owner, unit);
    }
  }
  return units;
}

/** A unit is a courtesy: small servers do not follow paths at all, or not so many at once. */
function noUnits(error: unknown): [] {
  if (/BadServiceUnsupported|BadNotImplemented|BadTooManyOperations/.test(String(error))) return [];
  throw error;
}

function unitPath(startingNode: string) {
  const targetName = { namespaceIndex: 0, name: 'EngineeringUnits' };
  const element = { referenceTypeId: HAS_PROPERTY, isInverse: false, includeSubtypes: true, targetName };
  return { startingNode, relativePath: { elements: [element] } };
}

function unitOf(information: unknown): string | null {
  if (typeof information !== 'object' || information === null || !('displayName' in information)) return null;
  const { displayName } = information;
  if (typeof displayName !== 'object' || displayName === null || !('text' in displayName)) return null;
  return typeof displayName.text === 'string' && displayName.text !== '' ? displayName.text : null;
}

function numberOf(data: DataValue | undefined): number | null {
  const value: unknown = data?.value?.value;
  return typeof value === 'number' ? value : null;
}
