import type { OperationOptions, Source, SourceMessage, SourceReadRequest, StreamSlices, StreamSpec } from '@etl/core';
import { createHttpClient, fixedHeaders, Pacer, type HttpClient, type HttpOptions } from '@etl/core/http';
import { DatasetColumns } from './dataset-columns.ts';
import { datasetError } from './dataset-error.ts';
import { pagesOf } from './dataset-pages.ts';
import { readState } from './dataset-state.ts';
import { parseManifest, type Dataset, type Manifest } from './manifest.ts';
import { resolveOptions, type EsimOptions, type ResolvedOptions } from './options.ts';
import { readDataset } from './read-dataset.ts';

const DISCOVERED_ROWS = 100;
const MANIFEST = 'internal/analytics/exports/manifest/';

/**
 * Reads the datasets that the manifest of the eSIM export API names, each as a stream.
 *
 * @example
 * ```ts
 * const source = esim({ baseUrl: 'https://api.example.com', apiKey });
 * for await (const message of source.read()) {
 *   if (message.type === 'records') for (const row of message.rows) console.log(message.stream, row);
 * }
 * ```
 *
 * @throws `ESIM_OPTIONS_INVALID` (config).
 */
export function esim({ fetch, clock, ...options }: EsimOptions): Source {
  return new EsimSource(resolveOptions(options), { fetch, clock });
}

class EsimSource implements Source {
  readonly specificationVersion = 'v1';
  readonly name = 'esim';
  readonly hasDays = false;
  readonly #options: ResolvedOptions;
  readonly #http: HttpClient;
  /** As it was when slices were planned last. */
  #manifest: Manifest | undefined;

  constructor(options: ResolvedOptions, parts: Pick<HttpOptions, 'fetch' | 'clock'>) {
    this.#options = options;
    this.#http = createHttpClient({
      ...parts,
      baseUrl: options.baseUrl,
      authorization: fixedHeaders({ 'x-internal-api-key': options.apiKey }),
      secrets: [options.apiKey, ...(options.hashKey === undefined ? [] : [options.hashKey])],
      pacer: new Pacer({ name: 'export API', concurrency: 2, clock: parts.clock }),
    });
  }

  async check(options: OperationOptions = {}): Promise<void> {
    const { problems } = await this.#readManifest(options);
    for (const problem of problems.values()) throw problem;
  }

  async discover(options: OperationOptions = {}): Promise<readonly StreamSpec[]> {
    const { datasets, problems } = await this.#readManifest(options);
    for (const [stream, { code, message }] of problems) options.logger?.warn({ stream, code, message }, 'bad dataset');
    const specs: StreamSpec[] = [];
    for (const dataset of datasets) specs.push(await this.#discoverDataset(dataset, options));
    return specs;
  }

  async plan(request: SourceReadRequest = {}): Promise<readonly StreamSlices[]> {
    const manifest = await this.#readManifest(request);
    this.#manifest = manifest;
    const plans: StreamSlices[] = [];
    for (const dataset of manifest.datasets) {
      try {
        plans.push({ stream: this.#specOf(dataset, request), slices: [{ key: 'all' }] });
      } catch (error) {
        plans.push(impossible(dataset.name, error as NonNullable<StreamSlices['problem']>));
      }
    }
    for (const [name, problem] of manifest.problems) plans.push(impossible(name, problem));
    const named = new Set(plans.map(({ stream }) => stream.name));
    for (const name of new Set((request.state ?? []).map(({ stream }) => stream))) {
      if (named.has(name) || this.#options.exclude.includes(name)) continue;
      const gone = datasetError(
        'ESIM_DATASET_GONE',
        'schema',
        name,
        'was loaded before, but is no longer available',
        'Ask whoever runs the API, or exclude it.',
      );
      plans.push(impossible(name, gone));
    }
    return plans.filter(({ stream }) => request.streams?.includes(stream.name) ?? true);
  }

  async *read(request: SourceReadRequest = {}): AsyncGenerator<SourceMessage, void, undefined> {
    const manifest = (request.slices === undefined ? undefined : this.#manifest) ?? (await this.#readManifest(request));
    // With an engine these are problems of the plan.
    if (request.slices === undefined) {
      for (const [stream, error] of manifest.problems)
        if (request.streams?.includes(stream) !== false) yield { type: 'stream-failed', stream, error };
    }
    for (const dataset of manifest.datasets) {
      if (request.streams?.includes(dataset.name) === false) continue;
      const slices = request.slices === undefined ? [{ key: 'all' }] : (request.slices[dataset.name] ?? []);
      for (const slice of slices)
        yield* readDataset({ http: this.#http, options: this.#options, dataset, slice, request });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #readManifest({ signal, logger, tracer, onCall }: OperationOptions): Promise<Manifest> {
    const { body } = await this.#http.json(MANIFEST, { signal, logger, tracer, onCall });
    return parseManifest(body, this.#options);
  }

  /** The columns are those of the first rows, of which nothing is kept. */
  async #discoverDataset(dataset: Dataset, request: OperationOptions): Promise<StreamSpec> {
    const columns = new DatasetColumns(dataset, readState([], dataset.name), this.#options.hashKey);
    const first = { ...dataset, limit: Math.min(dataset.limit, DISCOVERED_ROWS) };
    const pages = pagesOf({ http: this.#http, dataset: first, request, maxPages: this.#options.maxPages }, undefined);
    for await (const rows of pages) {
      for (const row of rows) columns.take(row);
      break;
    }
    return columns.spec;
  }

  #specOf(dataset: Dataset, { state }: SourceReadRequest): StreamSpec {
    return new DatasetColumns(dataset, readState(state, dataset.name), this.#options.hashKey).spec;
  }
}

function impossible(name: string, problem: NonNullable<StreamSlices['problem']>): StreamSlices {
  return { stream: { name, columns: [], primaryKey: [], writeDisposition: 'replace' }, slices: [], problem };
}
