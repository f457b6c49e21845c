import { EtlError, type StreamSpec } from '@etl/core';
import type { ChildStream } from './child-table.ts';
import { nestedGroups } from './nested-columns.ts';
import type { StagedStream } from './staged-stream.ts';
import { childName, type TablePlan } from './table-plan.ts';
import { tablesCollide } from './table-views.ts';

/** One stream of a load. */
export interface LoadStream {
  readonly staged: StagedStream;
  spec: StreamSpec;
  /** Why the table as it stands cannot take the rows; a replacement of the table makes it moot. */
  conflict: EtlError | undefined;
  /** The table is not there: it is created before anything relies on it, unless the rows replace it. */
  isMissing: boolean;
  /** Whether the pipeline is registered as one that writes to the table. */
  isClaimed: boolean;
  /** Child tables of the stream; their streams are in the load under their own names. */
  children: readonly ChildStream[];
}

/** The streams of a load, by name. */
export class LoadStreams {
  readonly #loadId: string;
  readonly #streams = new Map<string, LoadStream>();
  /** Every table the load has touched, with its stream; streams that were discarded included. */
  readonly #tables = new Map<string, string>();

  constructor(loadId: string) {
    this.#loadId = loadId;
  }

  get all(): readonly LoadStream[] {
    return [...this.#streams.values()];
  }

  find(name: string): LoadStream | undefined {
    return this.#streams.get(name);
  }

  /** @throws `LOAD_STREAM_UNPREPARED` (internal). */
  get(name: string): LoadStream {
    const stream = this.#streams.get(name);
    if (stream !== undefined) return stream;
    throw new EtlError({
      code: 'LOAD_STREAM_UNPREPARED',
      kind: 'internal',
      message: `Rows of ${name} came before its schema in load ${this.#loadId}.`,
    });
  }

  add(stream: LoadStream): void {
    this.#streams.set(stream.spec.name, stream);
  }

  delete(name: string): void {
    this.#streams.delete(name);
  }

  /** Reserves the tables of a stream. @throws `CLICKHOUSE_NAME_TAKEN` (schema) when another stream of the load has one. */
  takeTables(plan: TablePlan): void {
    for (const name of tableNames(plan)) {
      const other = this.#tables.get(name);
      this.#tables.set(name, other ?? plan.stream);
      if (other !== undefined && other !== plan.stream) throw tablesCollide(name, other, plan.stream);
    }
  }
}

/** Whether every load of the stream is the whole table. */
export function isReplacedWhole(stream: StreamSpec): boolean {
  return stream.writeDisposition === 'replace' && stream.scope === undefined;
}

/** Whether replacing the whole table makes a new one of it, rather than new rows in it. */
export function makesGeneration(plan: TablePlan, conflict: EtlError | undefined): boolean {
  return nestedGroups(plan.columns).size === 0 || conflict !== undefined;
}

/** The public names of a stream: its own, and those of its nested columns. */
export function tableNames(plan: TablePlan): readonly string[] {
  const children = [...nestedGroups(plan.columns).keys()].map((path) => childName(plan, path));
  return [plan.publicName, ...children];
}
