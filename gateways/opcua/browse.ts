import type { BrowseResult, ClientSession, ReferenceDescription } from 'node-opcua-client';
import type { DriverCode } from '../driver-codes.ts';

/** One child of a node, for a person who picks points. */
export interface BrowseEntry {
  readonly nodeId: string;
  readonly browseName: string;
  readonly displayName: string;
  readonly nodeClass: 'Object' | 'Variable' | 'Method' | 'Other';
  /** Says something about its parent (HasProperty, OPC 10000-3, 7.8), and is no value of the process. */
  readonly property: boolean;
}

export interface BrowsePage {
  readonly entries: readonly BrowseEntry[];
  /** Given back for the next page; null on the last. The server forgets it with the session. */
  readonly continuation: string | null;
}

export interface BrowseOptions {
  /** Entries a page. */
  readonly limit: number;
  readonly continuation?: string;
}

export type BrowseOutcome = BrowsePage | { readonly code: DriverCode; readonly message: string };

const HIERARCHICAL_REFERENCES = 'i=33';
const FORWARD = 0;
const HAS_PROPERTY = 'ns=0;i=46';
/** ReferenceType, NodeClass, DisplayName and BrowseName: bits of the result mask (OPC 10000-4, 5.9.2.2). */
const RESULT_MASK = 0x01 | 0x04 | 0x08 | 0x10;
const ANY_CLASS = 0;
const CLASSES: Readonly<Record<number, BrowseEntry['nodeClass']>> = { 1: 'Object', 2: 'Variable', 4: 'Method' };

/** One page of the children of a node; the server pages, so that a folder of 100,000 tags costs no more than its first page. */
export async function browsePage(
  session: ClientSession,
  nodeId: string,
  options: BrowseOptions,
): Promise<BrowseOutcome> {
  const result = await (options.continuation === undefined
    ? firstPage(session, nodeId, options.limit)
    : session.browseNext(Buffer.from(options.continuation, 'base64url'), false));
  if (result.statusCode.isNotGood()) {
    return { code: `opcua_${result.statusCode.name}`, message: `browsing ${nodeId}: ${result.statusCode.description}` };
  }
  const next = result.continuationPoint;
  return {
    // What stands on another server cannot be read by way of this one.
    entries: (result.references ?? []).filter(({ nodeId }) => nodeId.serverIndex === 0).map(describe),
    continuation: next === null || next === undefined || next.length === 0 ? null : next.toString('base64url'),
  };
}

/** Lets the server forget a continuation that will not be used: it keeps only a few. */
export async function releaseContinuation(session: ClientSession, continuation: string): Promise<void> {
  await session.browseNext(Buffer.from(continuation, 'base64url'), true);
}

async function firstPage(session: ClientSession, nodeId: string, limit: number): Promise<BrowseResult> {
  session.requestedMaxReferencesPerNode = limit;
  return await session.browse({
    nodeId,
    referenceTypeId: HIERARCHICAL_REFERENCES,
    includeSubtypes: true,
    browseDirection: FORWARD,
    nodeClassMask: ANY_CLASS,
    resultMask: RESULT_MASK,
  });
}

function describe(reference: ReferenceDescription): BrowseEntry {
  return {
    nodeId: reference.nodeId.toString(),
    browseName: reference.browseName.toString(),
    displayName: reference.displayName.text ?? reference.browseName.toString(),
    nodeClass: classOf(reference.nodeClass),
    property: reference.referenceTypeId.toString() === HAS_PROPERTY,
  };
}

export function classOf(nodeClass: unknown): BrowseEntry['nodeClass'] {
  return (typeof nodeClass === 'number' ? CLASSES[nodeClass] : undefined) ?? 'Other';
}
