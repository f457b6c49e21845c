import { EtlError } from '../etl-error.ts';
import type { Scope, Slice } from '../slice.ts';
import type { StreamSpec } from '../stream-spec.ts';

/** Why slices of a stream cannot be loaded apart from each other; `undefined` when they can. */
export function planProblem(stream: StreamSpec, slices: readonly Slice[]): EtlError | undefined {
  return (
    wholeProblem(stream, slices) ??
    keyProblem(stream, slices) ??
    scopeProblem(stream, slices) ??
    overlapProblem(stream, slices)
  );
}

// Every slice without a scope would replace the whole table, and only the last one would be left.
function wholeProblem(stream: StreamSpec, slices: readonly Slice[]): EtlError | undefined {
  const isWhole = slices.some(({ scope }) => scope === undefined);
  if (stream.writeDisposition !== 'replace' || slices.length < 2 || !isWhole) return undefined;
  return invalid(
    `Stream ${stream.name} replaces its table but has ${slices.length} slices, some of them without a scope.`,
    'Give every slice a scope, or make one slice of the whole.',
  );
}

function keyProblem(stream: StreamSpec, slices: readonly Slice[]): EtlError | undefined {
  const keys = new Set<string>();
  for (const { key } of slices) {
    if (keys.has(key))
      return invalid(`Stream ${stream.name} has two slices with the key ${key}.`, 'Make the key unique.');
    keys.add(key);
  }
  return undefined;
}

/** Scopes of different columns could meet in a row without anybody seeing it. */
function scopeProblem(stream: StreamSpec, slices: readonly Slice[]): EtlError | undefined {
  const declared = [...(stream.scope?.keys ?? [])].sort().join(', ');
  const other = slices.find(({ scope }) => scope !== undefined && columnsOf(scope) !== declared);
  if (other === undefined) return undefined;
  return invalid(
    `The slice ${other.key} of ${stream.name} does not say which ${declared || 'rows'} it owns.`,
    'Give its scope a value for each column in the scope of the stream, and for no other.',
  );
}

function columnsOf(scope: Scope): string {
  return Object.keys(scope.equals).sort().join(', ');
}

/** Slices that own the same rows would take turns in deleting each other's. */
function overlapProblem(stream: StreamSpec, slices: readonly Slice[]): EtlError | undefined {
  const byPlace = new Map<string, { readonly key: string; readonly start: string; readonly end: string }[]>();
  for (const { key, scope } of slices) {
    if (scope === undefined) continue;
    const place = placeOf(scope);
    const { start = '', end = '\uFFFF' } = scope.days ?? {};
    byPlace.set(place, [...(byPlace.get(place) ?? []), { key, start, end }]);
  }
  for (const ranges of byPlace.values()) {
    const inOrder = ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1));
    for (const [index, range] of inOrder.entries()) {
      const next = inOrder[index + 1];
      if (next === undefined || next.start >= range.end) continue;
      return invalid(
        `The slices ${range.key} and ${next.key} of ${stream.name} own the same rows.`,
        'Give every slice rows of its own.',
      );
    }
  }
  return undefined;
}

function placeOf(scope: Scope): string {
  const values = Object.entries(scope.equals).map(([column, value]) => [column, String(value)] as const);
  return JSON.stringify(values.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function invalid(message: string, hint: string): EtlError {
  return new EtlError({ code: 'STREAM_SLICES_INVALID', kind: 'config', message, hint });
}
