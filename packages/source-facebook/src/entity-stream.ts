import { defineStream, type ReadRequest, type RowSchema, type Slice, type Stream } from '@etl/core';
import type { z } from 'zod';
import { entityFields, entityRows } from './entity-row.ts';
import type { GraphClient, GraphObject } from './graph-client.ts';
import { pagesOf } from './graph-list.ts';
import { LearnedPageSize } from './learned-page-size.ts';
import type { ResolvedOptions } from './options.ts';
import { rateStamps, restatedMinorUnits } from './restated-amounts.ts';
import type { AccountRates, ReportingRates } from './reporting-rates.ts';
import { restatedSchema } from './entity-schemas.ts';

export interface EntityDefinition<TSchema extends RowSchema> {
  readonly name: string;
  /** Of the account. */
  readonly edge: string;
  readonly schema: TSchema;
  readonly pageSize: number;
  /** Columns of amounts in the smallest unit of the account's currency. */
  readonly amounts?: readonly string[];
  /** Without them the platform leaves archived objects out. */
  readonly statuses: readonly string[];
}

/** All objects of one kind of each account, read anew in every run. */
export function entityStream<const TSchema extends RowSchema>(
  graph: GraphClient,
  options: ResolvedOptions,
  definition: EntityDefinition<TSchema>,
  rates?: ReportingRates,
): Stream<z.output<TSchema>> {
  const { name, edge, schema, pageSize, statuses, amounts = [] } = definition;
  const rowOf = entityRows(schema);
  const isRestated = rates !== undefined && amounts.length > 0;
  return defineStream({
    name,
    schema: isRestated ? (restatedSchema(schema, amounts) as unknown as TSchema) : schema,
    primaryKey: ['id'] as never,
    writeDisposition: 'merge',
    slices(request) {
      if (isRestated) rates.planned(name, [], { isBackfill: request.days !== undefined });
      return accountSlices(options);
    },
    read(slice, request) {
      const accountId = slice.lane ?? '';
      const list = { accountId, edge, fields: entityFields(schema), pageSize, statuses };
      const tags = tagsOf(graph, options, accountId, request);
      return graph.quotas.remembered(accountId, request, async function* read() {
        const own = isRestated ? await rates.of(accountId, undefined, request) : undefined;
        for await (const page of entityPages(graph, list, request)) {
          const rows = page.map((given) => rowOf(given, tags));
          yield { rows: (own === undefined ? rows : rows.map((row) => restatedToday(row, amounts, own))) as never };
        }
      });
    },
  });
}

/** Budgets and bids have no day of their own: they are restated by the rate of today, in every run. */
function restatedToday(
  row: Readonly<Record<string, unknown>>,
  amounts: readonly string[],
  { currency, today, rateOf }: AccountRates,
): Readonly<Record<string, unknown>> {
  const rate = rateOf(currency, today);
  return { ...row, ...restatedMinorUnits(row, amounts, rate), ...rateStamps(rate) };
}

/** One slice for each account, due in every run. */
export function accountSlices({ accountIds }: ResolvedOptions): readonly Slice[] {
  return accountIds.map((id) => ({ key: `account_id=${id}`, lane: id }));
}

export function tagsOf(
  graph: GraphClient,
  { managingSystem }: ResolvedOptions,
  accountId: string,
  { now }: ReadRequest,
): { account_id: string; managing_system: string; _last_seen_at: Date } {
  return {
    account_id: accountId,
    managing_system: managingSystem,
    _last_seen_at: now ?? new Date(graph.clock.now()),
  };
}

/** A list of an account's objects. */
export interface EntityList {
  readonly accountId: string;
  readonly edge: string;
  readonly fields: readonly string[];
  readonly pageSize: number;
  readonly statuses: readonly string[];
  /** @default the edge */
  readonly name?: string;
}

/** Every object of a list once: one that moves between two pages while they are read is on both. */
export async function* entityPages(
  graph: GraphClient,
  { accountId, edge, fields, pageSize, statuses, name = edge }: EntityList,
  request: ReadRequest,
): AsyncGenerator<readonly GraphObject[], void, undefined> {
  const size = new LearnedPageSize(request.memory, `${name}/${accountId}`, graph.clock);
  const seen = new Set<string>();
  const list = {
    path: `act_${accountId}/${edge}`,
    query: {
      fields: fields.join(','),
      ...(statuses.length === 0 ? {} : { effective_status: JSON.stringify(statuses) }),
    },
    accountId,
    pageSize: await size.first(pageSize),
    onPageSize: size.learn,
  };
  for await (const page of pagesOf(graph, list, request)) {
    const fresh = page.filter(({ id }) => !seen.has(String(id)));
    for (const { id } of fresh) seen.add(String(id));
    yield fresh;
  }
  await size.save();
}
