import type { Source } from '@etl/core';

/** Tables that the upstream of a fixture has; the suite writes them through `transact`. */
export type UpstreamTable = 'items' | 'lines';

/** One change that the suite makes at the upstream. */
export type UpstreamChange =
  | { readonly type: 'insert'; readonly table: UpstreamTable; readonly id: number; readonly note: string | null }
  | { readonly type: 'update'; readonly table: UpstreamTable; readonly id: number; readonly note: string | null }
  /** The row gets another key and keeps its note. */
  | { readonly type: 'rekey'; readonly table: UpstreamTable; readonly id: number; readonly newId: number }
  | { readonly type: 'delete'; readonly table: UpstreamTable; readonly id: number }
  | { readonly type: 'truncate'; readonly table: UpstreamTable };

/** How a fixture writes rows whose values are hard; see {@link ReplicationFixture.values}. */
export interface UpstreamValues {
  /** Stream of the table; its key is a column `id`. */
  readonly stream: string;
  /** How many rows one `write` makes. */
  readonly rows: number;
  /** Inserts the rows, always the same values in the same order, with the ids `first`, `first + 1`, … */
  write(first: number): Promise<void>;
}

/**
 * A source that is a log, in front of an upstream that the test owns: a real server with a database of
 * its own, not a mock of the source.
 *
 * The upstream has two tables, empty at first, which are the streams `items` and `lines`: a key `id` of
 * integers and a text `note` that may be NULL. Streams beyond these are not looked at.
 */
export interface ReplicationFixture extends AsyncDisposable {
  /** A new source, as a new process would make it: same upstream, same slot, small pages. */
  createSource(): Source;
  /** Makes all changes in one transaction; resolves once it is committed. */
  transact(changes: readonly UpstreamChange[]): Promise<void>;
  /**
   * Up to where the upstream was told that it may forget, as text that differs when it moved. Absent
   * where nothing is confirmed: the source then has no `acknowledge`.
   */
  readonly confirmed?: () => Promise<string>;
  /** Readers and connections that the upstream sees of any source of the fixture. */
  connections(): Promise<number>;
  /** A table with the hard values of every type. Absent: values are not looked at. */
  readonly values?: UpstreamValues;
  /** Removes the history that the slot kept, as an operator or a limit of disk space does. Absent: it cannot be lost. */
  readonly loseHistory?: () => Promise<void>;
  /** Values that nobody may ever see: the credentials of the source. */
  readonly secrets: readonly string[];
}
