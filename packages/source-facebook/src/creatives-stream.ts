import { createHash } from 'node:crypto';
import { addDays, defineStream, EtlError, type ReadRequest, type Row, type Stream } from '@etl/core';
import { losslessText } from '@etl/core/http';
import type { z } from 'zod';
import { entityFields, entityRows } from './entity-row.ts';
import { adCreativeSchema } from './entity-schemas.ts';
import { exactJson } from './exact-json.ts';
import { accountSlices, entityPages, tagsOf } from './entity-stream.ts';
import type { GraphClient, GraphObject } from './graph-client.ts';
import type { ResolvedOptions } from './options.ts';

type CreativeRow = z.input<typeof adCreativeSchema>;

const FIELDS = entityFields(adCreativeSchema);
/** What makes a page of creatives heavy: trees, and URLs that are signed anew for each answer. */
const HEAVY_FIELDS = new Set(['object_story_spec', 'thumbnail_url']);
const LIGHT_FIELDS = FIELDS.filter((field) => !HEAVY_FIELDS.has(field));
const COLUMNS = Object.keys(adCreativeSchema.shape);
/** How often the platform is asked for what it left out of a batch. */
const BATCH_ATTEMPTS = 3;
/** From this share of new ones on, reading pages is cheaper than reading objects. */
const FULL_FROM_SHARE = 0.5;

/**
 * Creatives are many, large, and hardly ever change: only their name and their status can be edited. So a run
 * lists them with their light fields and reads in full what is new, what has another fingerprint than the
 * table's row, and what was not read in full for `creatives.fullAfterDays`. The rest is taken from the table.
 *
 * The fingerprint stands in the row that it is of: it is published with it, or not at all.
 */
export function creativesStream(
  graph: GraphClient,
  options: ResolvedOptions,
): Stream<z.output<typeof adCreativeSchema>> {
  return defineStream({
    name: 'ad_creatives',
    schema: adCreativeSchema,
    primaryKey: ['id'],
    writeDisposition: 'merge',
    slices: () => accountSlices(options),
    read(slice, request) {
      const read = new CreativesRead(graph, options, slice.lane ?? '', request);
      return graph.quotas.remembered(slice.lane ?? '', request, async function* rows() {
        for await (const part of read.rows()) yield { rows: [...part] };
      });
    },
  });
}

/** A creative of the list, and what the table has of it. */
interface Listed {
  readonly light: GraphObject;
  readonly id: string;
  readonly fingerprint: string;
}

class CreativesRead {
  readonly #graph: GraphClient;
  readonly #options: ResolvedOptions;
  readonly #accountId: string;
  readonly #request: ReadRequest;
  readonly #tags: ReturnType<typeof tagsOf>;
  readonly #rowOf = entityRows(adCreativeSchema);

  constructor(graph: GraphClient, options: ResolvedOptions, accountId: string, request: ReadRequest) {
    this.#graph = graph;
    this.#options = options;
    this.#accountId = accountId;
    this.#request = request;
    this.#tags = tagsOf(graph, options, accountId, request);
  }

  async *rows(): AsyncGenerator<readonly CreativeRow[], void, undefined> {
    const { lookup } = this.#request;
    const { refresh } = this.#options.creatives;
    if (lookup === undefined || refresh === 'full') return yield* this.#everything();
    const listed = await this.#list();
    const stored = await lookup(
      listed.map(({ id }) => ({ id })),
      COLUMNS,
    );
    const due = listed.filter((creative, index) => this.#isDue(creative, stored[index]));
    if (due.length > 0 && due.length >= listed.length * FULL_FROM_SHARE) return yield* this.#everything();
    const isDue = new Set(due.map(({ id }) => id));
    const kept = listed.flatMap(({ id }, index) => {
      const row = stored[index];
      return row === undefined || isDue.has(id) ? [] : [this.#seenAgain(row)];
    });
    if (kept.length > 0) yield kept;
    yield* this.#hydrated(due);
  }

  /** All of them in pages with all fields. */
  async *#everything(): AsyncGenerator<readonly CreativeRow[], void, undefined> {
    const { pageSize } = this.#options.creatives;
    for await (const page of this.#pages(FIELDS, pageSize, 'adcreatives')) {
      yield page.map((given) => this.#row(given));
    }
  }

  async #list(): Promise<readonly Listed[]> {
    const listed: Listed[] = [];
    for await (const page of this.#pages(LIGHT_FIELDS, this.#options.creatives.listPageSize, 'light creatives')) {
      listed.push(...page.map((light) => ({ light, id: String(light['id']), fingerprint: fingerprintOf(light) })));
    }
    return listed;
  }

  #pages(
    fields: readonly string[],
    pageSize: number,
    name: string,
  ): AsyncGenerator<readonly GraphObject[], void, undefined> {
    const list = { accountId: this.#accountId, edge: 'adcreatives', fields, pageSize, statuses: [], name };
    return entityPages(this.#graph, list, this.#request);
  }

  #isDue({ fingerprint }: Listed, stored: Row | undefined): boolean {
    if (stored?.['_fingerprint'] !== fingerprint) return true;
    const { refresh, fullAfterDays } = this.#options.creatives;
    return refresh === 'auto' && String(stored['_read_on']) <= addDays(this.#today(), -fullAfterDays);
  }

  /** In batches, each of which has to be answered whole: what is not read now must not look as if it were. */
  async *#hydrated(due: readonly Listed[]): AsyncGenerator<readonly CreativeRow[], void, undefined> {
    const { batchSize } = this.#options.creatives;
    for (let start = 0; start < due.length; start += batchSize) {
      yield await this.#batch(due.slice(start, start + batchSize));
    }
  }

  async #batch(due: readonly Listed[]): Promise<readonly CreativeRow[]> {
    const rows: CreativeRow[] = [];
    let left = due;
    for (let attempt = 1; left.length > 0; attempt += 1) {
      const paths = left.map(({ id }) => `${id}?fields=${FIELDS.join(',')}`);
      const answers = await this.#graph.batch(paths, this.#accountId, this.#request);
      const missed: Listed[] = [];
      for (const [index, answer] of answers.entries()) {
        const creative = left[index];
        if (creative === undefined) continue;
        if (answer === undefined || isPassing(answer)) missed.push(creative);
        else if (!EtlError.isInstance(answer)) rows.push(this.#row(answer));
        // Deleted since it was listed: it stays in the table as it was seen last.
        else if (answer.code !== 'FACEBOOK_OBJECT_MISSING') throw answer;
      }
      if (missed.length > 0 && attempt === BATCH_ATTEMPTS) throw unanswered(missed.length);
      left = missed;
    }
    return rows;
  }

  #row(given: GraphObject): CreativeRow {
    const row = this.#rowOf(given, this.#tags);
    return { ...row, _fingerprint: fingerprintOf(given), _read_on: this.#today() } as CreativeRow;
  }

  /** The table's row, seen now. */
  #seenAgain(stored: Row): CreativeRow {
    const spec = stored['object_story_spec'];
    return {
      ...stored,
      object_story_spec: typeof spec === 'string' ? exactJson(spec) : spec,
      ...this.#tags,
    } as CreativeRow;
  }

  #today(): string {
    return this.#tags._last_seen_at.toISOString().slice(0, 10);
  }
}

/** Of everything that can change without the heavy fields changing the object. */
function fingerprintOf(given: GraphObject): string {
  const light = LIGHT_FIELDS.map((field) => given[field] ?? null);
  return createHash('sha256').update(losslessText(light)).digest('base64url').slice(0, 22);
}

function isPassing(answer: unknown): boolean {
  return EtlError.isInstance(answer) && answer.kind === 'transient';
}

function unanswered(count: number): EtlError {
  return new EtlError({
    code: 'FACEBOOK_BATCH_INCOMPLETE',
    kind: 'transient',
    message: `Facebook left ${count} creatives of a batch unanswered, ${BATCH_ATTEMPTS} times.`,
    hint: 'Run again; what the table has of them is kept.',
  });
}
