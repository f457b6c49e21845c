import { TRANSPORT_FAULTS, type FaultKind } from '../../control/fault.ts';

export interface FaultTarget {
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly isBatched: boolean;
}

const TRANSPORT_WITHIN_BATCH: ReadonlySet<FaultKind> = new Set(['status', 'html', 'empty']);
const OF_EXPORTS: ReadonlySet<FaultKind> = new Set(['missing-cursor', 'empty-page']);
const OF_LISTS: ReadonlySet<FaultKind> = new Set(['repeated-cursor', 'short-page', 'missing-field', 'unknown-field']);

/** Whether a fault has any effect on a request: one that has none waits for the next. */
export function faultFits(kind: FaultKind, { method, path, parameters, isBatched }: FaultTarget): boolean {
  if (TRANSPORT_FAULTS.has(kind)) return !isBatched || TRANSPORT_WITHIN_BATCH.has(kind);
  if (OF_EXPORTS.has(kind)) return false;
  // Its parts meet these, one by one.
  if (parameters['batch'] !== undefined) return false;
  if (kind.startsWith('job-')) return method === 'POST' && path.endsWith('/insights');
  if (OF_LISTS.has(kind)) return method === 'GET' && /^(?:\/v[\d.]+)?\/(?!v\d)[^/]+\/[^/]+$/.test(path);
  return kind !== 'batch-timeout' || isBatched;
}
