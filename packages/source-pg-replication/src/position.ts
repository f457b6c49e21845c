import { EtlError, findState, type JsonValue, type StateEntry } from '@etl/core';
import { z } from 'zod';
import type { CatalogTable } from './catalog.ts';
import { formatLsn, parseLsn } from './lsn.ts';

const lsn = z.string().regex(/^[0-9A-F]+\/[0-9A-F]+$/i);

const MAX_EPOCH = 0xffff;

const slotPositionSchema = z.object({
  format: z.literal(1),
  system_identifier: z.string(),
  /** Absent where an earlier version stored the position. */
  timeline: z.int().nullable().default(null),
  /** Leads every version: raised when positions of another server follow. */
  epoch: z.int().min(0).max(MAX_EPOCH),
  slot: z.string(),
  publication: z.string(),
  /** Everything committed before it was handed on. */
  lsn,
});

const tablePositionSchema = z.object({
  format: z.literal(1),
  relation: z.int(),
  publication_relation: z.int().nullable(),
  row_filter: z.string().nullable(),
  /** `attnum`, name, type, modifier. */
  columns: z.array(z.tuple([z.int(), z.string(), z.int(), z.int()])),
  columns_xmin: z.string(),
  /** Greatest `attnum` by then. */
  last_column: z.int().default(0),
  /** See `CatalogTable.shapes`. */
  shapes: z.array(z.string()).default([]),
  filenodes: z.array(z.int()),
  /** Leaf partitions, and what attached them. */
  leaves: z.array(z.tuple([z.int(), z.string()])).default([]),
  key: z.array(z.string()),
  /** Changes committed before it are in the snapshot. */
  from_lsn: lsn,
});

/** Position of the whole source. */
export type SlotPosition = z.output<typeof slotPositionSchema>;

/** What the rows of a table at the destination were made of. A table without one is copied. */
export type TablePosition = z.output<typeof tablePositionSchema>;

/** Filenodes beyond this are not kept; a change of the columns alone then counts as a rewrite. */
const MAX_FILENODES = 500;

const SLOT_PARTITION = 'slot';

export function readSlotPosition(state: readonly StateEntry[]): SlotPosition | undefined {
  const value = findState(state, '', SLOT_PARTITION) ?? null;
  return value === null ? undefined : parse(slotPositionSchema, value, 'of the slot');
}

/** An epoch above the stored one, where LSNs may begin again at a lower one. */
export function nextEpoch(state: readonly StateEntry[]): number {
  const result = slotPositionSchema.safeParse(findState(state, '', SLOT_PARTITION));
  return result.success ? Math.min(result.data.epoch + 1, MAX_EPOCH) : 1;
}

/** Whether any table goes on from where it stood; without one, no slot can have lost anything. */
export function hasTablePosition(state: readonly StateEntry[]): boolean {
  return state.some(({ stream, value }) => stream !== '' && value !== null);
}

export function readTablePosition(state: readonly StateEntry[], stream: string): TablePosition | undefined {
  const value = findState(state, stream, '') ?? null;
  return value === null ? undefined : parse(tablePositionSchema, value, `of ${stream}`);
}

function parse<T>(schema: z.ZodType<T>, value: JsonValue, whose: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new EtlError({
    code: 'PG_STATE_INVALID',
    kind: 'state',
    message: `The stored position ${whose} is not one that this version can read.`,
    hint: 'Run again with --full-refresh of all streams, or with the version that stored it.',
    context: { repair: 'full-refresh' },
  });
}

export function slotEntry(position: SlotPosition): StateEntry {
  return { stream: '', partition: SLOT_PARTITION, value: position };
}

export function tableEntry(stream: string, position: TablePosition): StateEntry {
  return { stream, partition: '', value: position };
}

/** Makes the next run copy the table anew. */
export function forgottenEntry(stream: string): StateEntry {
  return { stream, partition: '', value: null };
}

/** The LSN that a checkpoint carries, if it moves the slot. */
export function checkpointLsn(entries: readonly StateEntry[]): bigint | undefined {
  const position = readSlotPosition(entries);
  return position === undefined ? undefined : parseLsn(position.lsn);
}

/** The position of a table whose rows are those of `table`, from `fromLsn` on. */
export function tablePosition(table: CatalogTable, fromLsn: bigint): TablePosition {
  return {
    format: 1,
    relation: table.oid,
    publication_relation: table.publicationRelation,
    row_filter: table.rowFilter,
    columns: table.columns
      .filter((column) => column.isPublished)
      .map((column) => [column.number, column.name, column.type, column.modifier]),
    columns_xmin: table.columnsXmin,
    last_column: table.lastColumn,
    shapes: [...table.shapes],
    filenodes: table.filenodes.length > MAX_FILENODES ? [] : [...table.filenodes],
    leaves: table.leaves.map(([oid, attached]) => [oid, attached]),
    key: [...(table.key ?? [])],
    from_lsn: formatLsn(fromLsn),
  };
}
