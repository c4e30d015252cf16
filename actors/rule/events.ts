import type { Rule } from '../../topology/schema/rule.ts';

/** Where a rule holds; names, not entity ids. */
export type RuleScope = { readonly asset: string } | { readonly profile: string };

/** What happened to a rule. Each says by itself which assets it concerns, so that an old one stays true in another plant. */
export type RuleEvent = RuleCreated | RuleChanged | RuleDeleted | RuleReassigned | RuleConfirmed | RuleToldAgain;

interface Told {
  readonly atMs: number;
  /** Raised by everything that an asset has to be told of. */
  readonly revision: number;
}

export interface RuleCreated extends Told {
  readonly kind: 'RuleCreated';
  readonly by: string;
  readonly scope: RuleScope;
  readonly rule: Rule;
  /** Ids of the assets that are to have it. */
  readonly assets: readonly string[];
}

export interface RuleChanged extends Told {
  readonly kind: 'RuleChanged';
  readonly by: string;
  readonly scope: RuleScope;
  /** As a whole; what was before stands in the audit. */
  readonly rule: Rule;
  readonly assets: readonly string[];
}

export interface RuleDeleted extends Told {
  readonly kind: 'RuleDeleted';
  readonly by: string;
}

/** The topology file has changed: assets of the profile have come, gone, or are made from another one. */
export interface RuleReassigned extends Told {
  readonly kind: 'RuleReassigned';
  readonly added: readonly string[];
  /** Those that come back and had it when they left among them. */
  readonly removed: readonly string[];
  /** No longer in the file: there is nobody to tell. */
  readonly gone: readonly string[];
}

export interface RuleConfirmed {
  readonly kind: 'RuleConfirmed';
  readonly atMs: number;
  readonly asset: string;
  readonly revision: number;
  /** Whose turn it is now to be told. */
  readonly next: readonly string[];
}

/** Assets that have not confirmed for long. */
export interface RuleToldAgain {
  readonly kind: 'RuleToldAgain';
  readonly atMs: number;
  readonly assets: readonly string[];
  /** Told for the first time, since those hold up the others. */
  readonly next: readonly string[];
}
