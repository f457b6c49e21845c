import type { RowLookup, SourceMessage } from '@etl/core';
import type { PgoutputChange } from './pgoutput.ts';
import type { RowVersion } from './row-version.ts';
import type { StreamColumn } from './table-stream.ts';

/** The changes of one table since they were last handed on. */
export interface TableChanges {
  /** How many rows wait to be handed on. */
  readonly size: number;
  /** Says in which order the values come from here on; `undefined` for one that is of no interest. */
  setLayout(layout: readonly (StreamColumn | undefined)[]): void;
  beginTransaction(): void;
  /** @throws a `data` error that names the column. */
  apply(change: PgoutputChange, version: RowVersion): void;
  /** Gives up what waits. */
  clear(): void;
  /** Hands on what waits, those rows that the log left incomplete being completed first. */
  flush(lookup: RowLookup | undefined): AsyncGenerator<SourceMessage, void, undefined>;
}
