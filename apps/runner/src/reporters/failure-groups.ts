import type { EtlError, PipelineFailure } from '@etl/core';
import { number } from '../quantity.ts';

/** Failures that differ in nothing but the slice. */
export interface FailureGroup {
  readonly stream: string;
  /** In order; empty when the whole stream failed. */
  readonly slices: readonly string[];
  readonly error: EtlError;
}

/** Failures that share stream, code and message, in the order of their first. */
export function failureGroups(failures: readonly PipelineFailure[]): readonly FailureGroup[] {
  const groups = new Map<string, { stream: string; slices: string[]; error: EtlError }>();
  for (const { stream, slice, error } of failures) {
    const key = JSON.stringify([stream, slice === undefined, error.code, error.message]);
    const group = groups.get(key) ?? { stream, slices: [], error };
    groups.set(key, group);
    if (slice !== undefined) group.slices.push(slice);
  }
  return [...groups.values()].map((group) => ({ ...group, slices: group.slices.toSorted() }));
}

/** `insights account_id=1/2026-11-01`, `insights, 8 slices (… to …)`. */
export function whereText({ stream, slices }: FailureGroup): string {
  const [first] = slices;
  const last = slices.at(-1);
  if (first === undefined || last === undefined) return stream;
  if (slices.length === 1) return `${stream} ${first}`;
  return `${stream}, ${number(slices.length)} slices (${rangeText(first, last)})`;
}

/** What two keys share in front is said once: `account_id=1/2026-11-01 … 2026-11-08`. */
export function rangeText(first: string, last: string): string {
  const cut = first.lastIndexOf('/') + 1;
  return `${first} … ${last.startsWith(first.slice(0, cut)) ? last.slice(cut) : last}`;
}
