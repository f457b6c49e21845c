import type { ErrorKind, EtlError, PipelineFailure } from '@etl/core';
import { count, number } from '../quantity.ts';

/** Failures that one look explains. */
export interface FailureGroup {
  /** In the order of their first failure. */
  readonly streams: readonly string[];
  /** In order; empty when whole streams failed. */
  readonly slices: readonly string[];
  /** Of the first of them. */
  readonly first: PipelineFailure;
  readonly error: EtlError;
}

/** More groups than this of one code have one cause: a token that was revoked fails everywhere. */
const MOST_OF_A_CODE = 3;
/** What concerns data or a table is told of each, since each has to be mended. */
const SHARED_CAUSES: ReadonlySet<ErrorKind> = new Set(['auth', 'permission', 'rate-limit', 'transient']);

/** Failures that share stream, code and message, or one cause when they are many, in the order of their first. */
export function failureGroups(failures: readonly PipelineFailure[]): readonly FailureGroup[] {
  const alike = Map.groupBy(failures, ({ stream, slice, error }) =>
    JSON.stringify([stream, slice === undefined, error.code, error.message]),
  );
  const ofCode = Map.groupBy(alike.values(), ([first]) => JSON.stringify([first?.error.code, first?.error.hint]));
  return [...ofCode.values()]
    .flatMap((groups) => (groups.length > MOST_OF_A_CODE && isShared(groups) ? [groups.flat()] : groups))
    .flatMap((members) => groupOf(members))
    .toSorted((a, b) => failures.indexOf(a.first) - failures.indexOf(b.first));
}

function isShared([group]: readonly (readonly PipelineFailure[])[]): boolean {
  const kind = group?.[0]?.error.kind;
  return kind !== undefined && SHARED_CAUSES.has(kind);
}

function groupOf(members: readonly PipelineFailure[]): FailureGroup[] {
  const [first] = members;
  if (first === undefined) return [];
  const streams = [...new Set(members.map(({ stream }) => stream))];
  return [{ streams, slices: members.flatMap(({ slice }) => slice ?? []).toSorted(), first, error: first.error }];
}

/** `insights account_id=1/2026-11-01`, `insights, 8 slices (… to …)`, `insights, ads, 40 slices, first insights a=1/2026-11-01`. */
export function whereText({ streams, slices, first: { stream, slice } }: FailureGroup): string {
  const [first] = slices;
  const last = slices.at(-1);
  if (streams.length > 1) {
    const size = slices.length === 0 ? '' : `, ${count(slices.length, 'slice')}, first ${stream} ${slice ?? ''}`;
    return `${streams.join(', ')}${size.trimEnd()}`;
  }
  if (first === undefined || last === undefined) return stream;
  if (slices.length === 1) return `${stream} ${first}`;
  return `${stream}, ${number(slices.length)} slices (${rangeText(first, last)})`;
}

/** What two keys share in front is said once: `account_id=1/2026-11-01 … 2026-11-08`. */
export function rangeText(first: string, last: string): string {
  const cut = first.lastIndexOf('/') + 1;
  return `${first} … ${last.startsWith(first.slice(0, cut)) ? last.slice(cut) : last}`;
}
