import { columnsOf, defineStream, type RowSchema, type Slice, type Stream } from '@etl/core';
import { z } from 'zod';
import type { GraphClient, GraphObject } from './graph-client.ts';
import type { ResolvedOptions } from './options.ts';

export interface EntityDefinition<TSchema extends RowSchema> {
  readonly name: string;
  /** Of the account. */
  readonly edge: string;
  readonly schema: TSchema;
  readonly pageSize: number;
  /** Without them the platform leaves archived objects out. */
  readonly statuses: readonly string[];
}

const TAGS = new Set(['account_id', 'managing_system', '_last_seen_at']);
const PAGE_SIZE_KEY = 'page-size';

/** All objects of one kind of each account, read anew in every run. */
export function entityStream<const TSchema extends RowSchema>(
  graph: GraphClient,
  options: ResolvedOptions,
  definition: EntityDefinition<TSchema>,
): Stream<z.output<TSchema>> {
  const { name, edge, schema, pageSize, statuses } = definition;
  const fields = Object.keys(schema.shape).filter((field) => !TAGS.has(field));
  const types = new Map(columnsOf(schema).map((column) => [column.name, column.type]));
  const rowOf = (given: GraphObject, accountId: string, seenAt: Date): Record<string, unknown> => ({
    ...Object.fromEntries(fields.map((field) => [field, valueOf(field, types.get(field), given[field])])),
    account_id: accountId,
    managing_system: options.managingSystem,
    _last_seen_at: seenAt,
  });
  return defineStream({
    name,
    schema,
    primaryKey: ['id'] as never,
    writeDisposition: 'merge',
    slices: (): readonly Slice[] => options.accountIds.map((id) => ({ key: `account_id=${id}`, lane: id })),
    read(slice, request) {
      const accountId = slice.lane ?? '';
      const sizeKey = `${PAGE_SIZE_KEY}/${accountId}`;
      return graph.paced(accountId, request.quotaMemory, async function* read() {
        const learned = z
          .int()
          .min(1)
          .max(pageSize)
          .safeParse(await request.memory?.get(sizeKey));
        const seenAt = request.now ?? new Date(graph.clock.now());
        const seen = new Set<string>();
        let size: number | undefined;
        const list = {
          path: `act_${accountId}/${edge}`,
          query: {
            fields: fields.join(','),
            ...(statuses.length === 0 ? {} : { effective_status: JSON.stringify(statuses) }),
          },
          accountId,
          pageSize: learned.data ?? pageSize,
        };
        for await (const page of graph.pages(list, request, (smaller) => (size = smaller))) {
          // An object that moves between two pages while they are read is on both.
          const fresh = page.filter(({ id }) => !seen.has(String(id)));
          for (const { id } of fresh) seen.add(String(id));
          yield { rows: fresh.map((given) => rowOf(given, accountId, seenAt)) as never };
        }
        if (size !== undefined) await request.memory?.set(sizeKey, size);
      });
    },
  });
}

function valueOf(field: string, type: string | undefined, value: unknown): unknown {
  if (field === 'creative') return { id: (value as { id?: unknown } | undefined)?.id ?? null };
  if (value === undefined || value === null) return null;
  // `2026-03-01T09:00:00+0000`
  if (type === 'json') return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (type === 'timestamp') return text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2');
  return text;
}
