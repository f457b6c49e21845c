import type { Fault, FaultKind } from '../../control/fault.ts';
import { TRANSPORT_FAULTS } from '../../control/fault.ts';
import { jsonResponse, type SandboxRequest, type SandboxResponse } from '../../http/exchange.ts';
import { hashDigits } from '../../random.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { DATASETS, ExportData, type ExportDataset, type ExportRow } from './export-data.ts';

/** What a test does to the export API. */
export type ExportChange =
  | {
      readonly kind: 'add-column';
      readonly dataset: ExportDataset;
      readonly name: string;
      readonly values: readonly unknown[];
    }
  | { readonly kind: 'touch'; readonly dataset: 'users' | 'sessions' | 'orders'; readonly count: number }
  /** From now on no row has the column. */
  | { readonly kind: 'remove-column'; readonly dataset: ExportDataset; readonly name: string }
  | { readonly kind: 'remove-rows'; readonly dataset: ExportDataset; readonly count: number }
  /**
   * A dataset of the test's own beside the others, or other pages of it: rows as JSON text, in this
   * order, whatever is asked for. `entry` is what the manifest says, `name` at least.
   */
  | {
      readonly kind: 'serve';
      readonly entry: Readonly<Record<string, unknown>>;
      readonly pages: readonly (readonly string[])[];
    }
  /** Other words in the dataset's entry of the manifest: `{ schema_version: '1.5' }`. */
  | { readonly kind: 'manifest'; readonly dataset: string; readonly entry: Readonly<Record<string, unknown>> };

const PREFIX = '/internal/analytics/exports/';
const WATERMARKS: Readonly<Record<ExportDataset, string>> = {
  users: 'updated_at',
  user_merges: 'merged_at',
  sessions: 'updated_at',
  orders: 'updated_at',
  order_line_items: 'created_at',
};
const FAULTS: ReadonlySet<FaultKind> = new Set(['repeated-cursor', 'missing-cursor', 'empty-page']);

export interface ExportOptions {
  /** How many days before `now` the first rows are from. @default 2 */
  readonly historyDays?: number;
  /** Rows of a page that the manifest recommends, 1 to 2000. @default 10 */
  readonly pageRows?: number;
}

/** The export API of the eSIM backend: a manifest, and datasets by pages. */
export class EsimPlatform implements Platform {
  readonly apiKey: string;
  readonly #context: PlatformContext;
  readonly #data: ExportData;
  readonly #entries = new Map<string, Record<string, unknown>>();
  /** Pages of datasets that a test serves, by path. */
  readonly #served = new Map<string, readonly (readonly string[])[]>();
  readonly #revoked = new Set<string>();

  constructor(context: PlatformContext, { historyDays = 2, pageRows = 10 }: ExportOptions = {}) {
    const { world } = context;
    this.#context = context;
    this.apiKey = `esim-${hashDigits(`${world.seed}|esim-key`, 32)}`;
    this.#data = new ExportData(world.seed, world.clock.now(), historyDays);
    for (const name of DATASETS) {
      const isAppended = name === 'user_merges' || name === 'order_line_items';
      this.#entries.set(name, {
        name: name.replace('user_merges', 'user-merges'),
        endpoint: `${PREFIX}${name.replaceAll('_', '-')}/`,
        strategy: isAppended ? 'append-only' : 'incremental',
        watermark_field: WATERMARKS[name],
        primary_key: 'id',
        default_limit: pageRows,
        schema_version: name === 'orders' ? '1.4' : '1.1',
        available: true,
      });
    }
  }

  /** Origin for `base_url`; no slash at the end. */
  get baseUrl(): string {
    return this.#context.baseUrl();
  }

  /** The rows of a dataset at this moment. */
  rows(dataset: ExportDataset): readonly ExportRow[] {
    return this.#data.rows(dataset, this.#context.world.clock.now());
  }

  change(change: ExportChange): void {
    const now = this.#context.world.clock.now();
    // What came before is as it was then.
    this.#data.advance(now);
    switch (change.kind) {
      case 'add-column':
        this.#data.addColumn(change.dataset, change.name, change.values);
        break;
      case 'remove-column':
        this.#data.removeColumn(change.dataset, change.name);
        break;
      case 'remove-rows':
        this.#data.removeRows(change.dataset, change.count);
        break;
      case 'serve':
        this.#serve(change.entry, change.pages);
        break;
      case 'touch':
        this.#data.touch(change.dataset, change.count, now);
        break;
      case 'manifest':
        this.#entries.set(change.dataset, { ...this.#entries.get(change.dataset), ...change.entry });
    }
  }

  usage(): unknown {
    return {};
  }

  describe(): { baseUrl: string; apiKey: string } {
    return { baseUrl: this.baseUrl, apiKey: this.apiKey };
  }

  issueToken(): string {
    return this.apiKey;
  }

  revokeToken(token: string): void {
    this.#revoked.add(token);
  }

  canMeet(kind: FaultKind, { path }: SandboxRequest): boolean {
    return TRANSPORT_FAULTS.has(kind) || (FAULTS.has(kind) && !path.endsWith('/manifest/'));
  }

  handle(request: SandboxRequest, fault: Fault | undefined): SandboxResponse {
    const key = request.headers['x-internal-api-key'] ?? '';
    if (key !== this.apiKey || this.#revoked.has(key)) return jsonResponse(401, { detail: 'Invalid API key.' });
    if (request.path === `${PREFIX}manifest/`)
      return { ...jsonResponse(200, { datasets: [...this.#entries.values()] }), caller: 'default' };
    const served = this.#served.get(request.path);
    if (served !== undefined) return { ...servedPage(served, request.parameters['cursor']), caller: 'default' };
    const dataset = DATASETS.find((name) => request.path === `${PREFIX}${name.replaceAll('_', '-')}/`);
    if (dataset === undefined) return jsonResponse(404, { detail: 'Not found.' });
    return { ...this.#page(dataset, request.parameters, fault?.kind), caller: 'default' };
  }

  #serve(entry: Readonly<Record<string, unknown>>, pages: readonly (readonly string[])[]): void {
    const name = String(entry['name']);
    const endpoint = `${PREFIX}${name}/`;
    this.#entries.set(name, {
      endpoint,
      strategy: 'incremental',
      watermark_field: 'updated_at',
      primary_key: 'id',
      default_limit: 500,
      schema_version: '1.0',
      available: true,
      ...entry,
    });
    this.#served.set(endpoint, pages);
  }

  #page(
    dataset: ExportDataset,
    parameters: SandboxRequest['parameters'],
    fault: FaultKind | undefined,
  ): SandboxResponse {
    const limit = Number(parameters['limit'] ?? 500);
    if (!Number.isInteger(limit) || limit < 1 || limit > 2000) return jsonResponse(422, { detail: 'limit' });
    const watermark = WATERMARKS[dataset];
    const place = (row: ExportRow): string => `${String(row[watermark])}|${String(row['id'])}`;
    const { cursor } = parameters;
    const after = parameters['updated_after']?.replace('Z', '+00:00');
    const rest = this.rows(dataset)
      .filter((row) =>
        cursor === undefined
          ? after === undefined || String(row[watermark]) > after
          : place(row) > Buffer.from(cursor, 'base64url').toString('utf8'),
      )
      .toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
    const items = fault === 'empty-page' ? [] : rest.slice(0, limit);
    const last = items.at(-1);
    const next = last === undefined ? 'none' : Buffer.from(place(last)).toString('base64url');
    const isFaulty = fault !== undefined;
    const hasMore = isFaulty || rest.length > items.length;
    const given = fault === 'missing-cursor' || !hasMore ? null : fault === 'repeated-cursor' ? (cursor ?? next) : next;
    const body = { items, has_more: hasMore, next_cursor: given };
    return {
      ...jsonResponse(200, {}),
      body: JSON.stringify(body, (_key, part: unknown) => (typeof part === 'bigint' ? rawJSON(String(part)) : part)),
    };
  }
}

/** The cursor is the number of a page. */
function servedPage(pages: readonly (readonly string[])[], cursor = '0'): SandboxResponse {
  const page = Number(cursor);
  const hasMore = page + 1 < pages.length;
  const next = hasMore ? `"${page + 1}"` : 'null';
  const items = (pages[page] ?? []).join(',');
  return { ...jsonResponse(200, {}), body: `{"items":[${items}],"has_more":${hasMore},"next_cursor":${next}}` };
}

const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
