import { EtlError, type WriteDisposition } from '@etl/core';
import { z } from 'zod';
import { datasetError } from './dataset-error.ts';
import type { DatasetOptions, ResolvedOptions } from './options.ts';
import { versionProblem, type VersionDrift } from './version-gate.ts';

const manifestSchema = z.object({ datasets: z.array(z.unknown()) });

const entrySchema = z.object({
  name: z.string().min(1),
  endpoint: z.string().min(1),
  strategy: z.string(),
  watermark_field: z.string().nullish(),
  primary_key: z.union([z.string(), z.array(z.string().min(1))]).nullish(),
  default_limit: z.unknown(),
  // A number could not tell 1.1 from 1.10.
  schema_version: z.string().nullish(),
  available: z.unknown(),
});

/** One dataset of the manifest that can be read. */
export interface Dataset {
  /** Name of the stream. */
  readonly name: string;
  readonly endpoint: string;
  readonly disposition: WriteDisposition;
  /** Absent where the whole is read each time. */
  readonly watermark: string | undefined;
  readonly primaryKey: readonly string[];
  readonly limit: number;
  readonly version: string | undefined;
  readonly options: DatasetOptions;
  /** Set when the version was not reviewed, but is like one that was. */
  readonly drift: VersionDrift | undefined;
}

export interface Manifest {
  readonly datasets: readonly Dataset[];
  /** Datasets that cannot be read, by the name to report. */
  readonly problems: ReadonlyMap<string, EtlError>;
}

const DISPOSITIONS: Readonly<Record<string, WriteDisposition>> = {
  incremental: 'merge',
  'append-only': 'append',
  'full-refresh': 'replace',
  'full-refresh-snapshot': 'replace',
};

/** What a destination leaves as it is, so that two names that differ stay two tables. */
const TABLE_NAME = /^_?[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

const NO_OPTIONS: DatasetOptions = { columns: {}, drop: [], hash: [] };

/** @throws `ESIM_MANIFEST_INVALID`, `ESIM_NOTHING_AVAILABLE` (data). */
export function parseManifest(body: unknown, options: ResolvedOptions): Manifest {
  const parsed = manifestSchema.safeParse(body);
  if (!parsed.success) throw manifestError('ESIM_MANIFEST_INVALID', 'The manifest has no list of datasets.');
  const problems = new Map<string, EtlError>();
  const datasets: Dataset[] = [];
  const taken = new Map<string, string>();
  const mentioned = new Set<string>();
  for (const [index, raw] of parsed.data.datasets.entries()) {
    const isAvailable = (raw as { available?: unknown } | null)?.available === true;
    const given = (raw as { name?: unknown } | null)?.name;
    const label = typeof given === 'string' && given !== '' ? given : `number_${index + 1}`;
    const name = label.replaceAll('-', '_').toLowerCase();
    mentioned.add(label).add(name);
    if (!isAvailable || options.exclude.includes(label) || options.exclude.includes(name)) continue;
    const other = taken.get(name);
    if (other !== undefined) {
      const clash = (one: string, two: string): EtlError =>
        datasetError(
          'ESIM_NAME_CLASH',
          'schema',
          one,
          `has the same table as ${two}`,
          'Rename or exclude one of them.',
        );
      problems.set(label, clash(label, other));
      if (other !== label) problems.set(other, clash(other, label));
      datasets.splice(0, datasets.length, ...datasets.filter((dataset) => dataset.name !== name));
      continue;
    }
    taken.set(name, label);
    const dataset = parseDataset(raw, label, name, options);
    if (dataset instanceof Error) problems.set(name, dataset);
    else datasets.push(dataset);
  }
  // What is configured for a misspelt name would be without effect: no gate, nothing hashed.
  for (const name of Object.keys(options.datasets)) {
    if (mentioned.has(name)) continue;
    const what = 'is configured, but the manifest has none of that name';
    problems.set(name, datasetError('ESIM_DATASET_UNKNOWN', 'config', name, what, 'Correct the name or remove it.'));
  }
  if (taken.size === 0) throw manifestError('ESIM_NOTHING_AVAILABLE', 'The manifest has no dataset that is available.');
  return { datasets: datasets.sort((a, b) => (a.name < b.name ? -1 : 1)), problems };
}

function parseDataset(raw: unknown, label: string, name: string, all: ResolvedOptions): Dataset | EtlError {
  const invalid = (what: string): EtlError =>
    datasetError(
      'ESIM_DATASET_INVALID',
      'schema',
      label,
      what,
      'Correct the manifest of the API, or exclude the dataset.',
    );
  const parsed = entrySchema.safeParse(raw);
  if (!parsed.success)
    return invalid(`lacks or garbles ${parsed.error.issues.map(({ path }) => path.join('.')).join(', ')}`);
  if (!TABLE_NAME.test(name)) return invalid('has a name that no table can have');
  const entry = parsed.data;
  const disposition = Object.hasOwn(DISPOSITIONS, entry.strategy) ? DISPOSITIONS[entry.strategy] : undefined;
  if (disposition === undefined) return invalid('has an unknown strategy');
  const key = typeof entry.primary_key === 'string' ? [entry.primary_key] : (entry.primary_key ?? []);
  const isWhole = disposition === 'replace';
  const hasKey = key.length > 0 && !key.includes('');
  if (!isWhole && !hasKey) return invalid('has no primary key');
  if (!isWhole && !entry.watermark_field) return invalid('has no watermark field');
  const options = all.datasets[label] ?? all.datasets[name] ?? NO_OPTIONS;
  if (options.drop.some((column) => key.includes(column.name)))
    return invalid('has its primary key among the dropped columns');
  const version = entry.schema_version ?? undefined;
  const gate = versionProblem(label, version, options.reviewed);
  if (gate instanceof Error) return gate;
  const { default_limit: limit } = entry;
  return {
    name,
    endpoint: entry.endpoint,
    disposition,
    watermark: isWhole ? undefined : (entry.watermark_field ?? undefined),
    primaryKey: hasKey ? key : [],
    limit: Number.isInteger(limit) ? Math.min(2000, Math.max(1, limit as number)) : 500,
    version,
    options,
    drift: gate,
  };
}

function manifestError(code: string, message: string): EtlError {
  return new EtlError({ code, kind: 'data', message, hint: 'Look at what the API answers.' });
}
