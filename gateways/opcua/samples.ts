import type { DataValue } from 'node-opcua-client';
import type { Item, Sample } from './layout.ts';
import { meaningOfStatus } from './status.ts';
import { engineeringValue } from './values.ts';

/** A reading from what the server sent: status to quality, value to engineering unit, source time kept. A Bad one has no value. */
export function sampleOf(item: Item, data: DataValue): Sample {
  const code = data.statusCode.value;
  const meaning = meaningOfStatus(code, data.statusCode.name);
  const sourceMs = (data.sourceTimestamp ?? data.serverTimestamp)?.getTime() ?? null;
  const base = { timeMs: sourceMs, sourceMs, statusCode: code };
  if (meaning.quality === 'BAD') return { ...base, value: null, quality: 'BAD', reason: meaning.reason };
  const conversion = engineeringValue(data.value ?? null, item.mapping);
  if ('reason' in conversion) return { ...base, value: null, quality: 'BAD', reason: conversion.reason };
  const doubt = meaning.quality === 'GOOD' ? conversion.doubt : undefined;
  if (doubt !== undefined) return { ...base, value: conversion.value, quality: 'UNCERTAIN', reason: doubt };
  return { ...base, value: conversion.value, quality: meaning.quality, reason: meaning.reason };
}

/** The reading of an item that the server does not give us at all. */
export function failedSample(item: Item, atMs: number): Sample {
  return { value: null, quality: 'BAD', reason: item.failure, timeMs: atMs, sourceMs: atMs, statusCode: 0x8000_0000 };
}

/** Republished messages and reads after a transfer bring values that we have: the same source time, status and value. */
export function isRepetition(before: Sample | null, sample: Sample): boolean {
  return (
    before !== null &&
    before.sourceMs === sample.sourceMs &&
    before.statusCode === sample.statusCode &&
    before.value === sample.value
  );
}
