import { without } from '../../without.ts';
import type { FacebookFault } from './facebook-fault.ts';

/** A page of a list as it is sent. */
export interface GraphList {
  readonly data: readonly unknown[];
  readonly paging?: unknown;
  readonly summary?: unknown;
}

/** A row as the fault of its request leaves it. */
export function damage(row: Record<string, unknown>, fault: FacebookFault | undefined): Record<string, unknown> {
  if (fault?.kind === 'unknown-field') return { ...row, a_field_of_tomorrow: { value: '1' } };
  if (fault?.kind !== 'missing-field') return row;
  return without(row, fault.field);
}
