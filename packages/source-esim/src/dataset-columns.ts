import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import { datasetError } from './dataset-error.ts';
import { declaredColumn, declaredValue, detectedColumn } from './declared-type.ts';
import type { DatasetState } from './dataset-state.ts';
import { detect, encode, join, type DetectedType } from './detected-type.ts';
import type { Dataset } from './manifest.ts';
import { PersonalData } from './personal-data.ts';
import { SeenFields } from './seen-fields.ts';
import { isFrom } from './version-gate.ts';

/** What earlier readings found out. */
export type KnownColumns = Pick<DatasetState, 'fields' | 'types' | 'schemaVersion' | 'absences' | 'paths'>;

/** The columns of a dataset: what is declared, what its values say, and what is kept of each. */
export class DatasetColumns {
  readonly #fields: Set<string>;
  readonly #dataset: Dataset;
  readonly #types: Map<string, DetectedType>;
  readonly #declared = new Map<string, ColumnSpec>();
  /** Columns that configuration gives a type from this schema version on. */
  readonly #configured: readonly string[];
  readonly #personal: PersonalData;
  readonly #known: KnownColumns;
  readonly #seen: SeenFields;

  constructor(dataset: Dataset, known: KnownColumns, hashKey: string | undefined) {
    this.#dataset = dataset;
    this.#known = known;
    this.#seen = new SeenFields(known);
    this.#fields = new Set(known.fields);
    this.#types = new Map(Object.entries(known.types));
    const { columns } = dataset.options;
    const configured = Object.entries(columns).filter(([, { since }]) => isFrom(dataset.version, since));
    this.#configured = configured.map(([name]) => name);
    for (const [name, { type }] of configured) this.#declare(name, type);
    if (dataset.watermark !== undefined) this.#declare(dataset.watermark, 'timestamp');
    for (const name of dataset.primaryKey) if (!this.#declared.has(name)) this.#declare(name, 'string');
    this.#personal = new PersonalData(dataset, hashKey, known.paths);
    for (const name of this.#personal.hashed) this.#declare(name, 'string');
  }

  /**
   * Every field that was seen, those that are dropped included. What a reviewed version no longer
   * has is forgotten.
   */
  get fields(): ReadonlySet<string> {
    const isReviewed = this.#dataset.drift === undefined && !this.#isSameVersion;
    return isReviewed && !this.#seen.isEmpty ? this.#seen.names : this.#fields;
  }

  /** Fields that no row of this reading has, though the version is still the one that had them. */
  get gone(): readonly string[] {
    if (this.#seen.isEmpty || !this.#isSameVersion) return [];
    return this.#known.fields.filter((field) => !this.#isThere(field));
  }

  /** What this reading adds to what is known of keys that are left out, and of paths. */
  get learned(): Pick<DatasetState, 'absences' | 'paths'> {
    return { absences: this.#seen.absences, paths: [...this.#personal.paths] };
  }

  get types(): Readonly<Record<string, DetectedType>> {
    return Object.fromEntries(this.#types);
  }

  get spec(): StreamSpec {
    const { name, primaryKey, disposition } = this.#dataset;
    const kept = [...new Set([...primaryKey, ...this.#fields])].filter((field) => !this.#personal.dropped.has(field));
    const columns = kept.flatMap((field): readonly ColumnSpec[] => {
      const declared = this.#declaredOf(field);
      if (declared !== undefined) return [declared];
      const type = this.#types.get(field);
      return type === undefined ? [] : [detectedColumn(field, type)];
    });
    return { name, columns, primaryKey, writeDisposition: disposition };
  }

  /** Learns from a row of the API, and gives back what may be kept of it. */
  take(row: Row): Row {
    const { name, primaryKey } = this.#dataset;
    for (const key of primaryKey) {
      if (row[key] === null || row[key] === undefined)
        throw datasetError('ESIM_KEY_MISSING', 'data', name, `has a row without ${key}`, 'Ask whoever runs the API.');
    }
    this.#seen.add(row);
    for (const field of Object.keys(row)) this.#fields.add(field);
    const kept = this.#personal.clean(row);
    for (const [field, value] of Object.entries(kept)) {
      if (this.#declaredOf(field) !== undefined) continue;
      const type = join(this.#types.get(field), detect(value));
      if (type !== undefined) this.#types.set(field, type);
    }
    return kept;
  }

  /** A row that was taken, as its columns hold it. */
  encode(row: Row): Row {
    const encoded: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(row)) {
      const declared = this.#declaredOf(field);
      const type = this.#types.get(field);
      if (declared !== undefined) encoded[field] = this.#fitting(field, declaredValue(value, declared), declared);
      else if (type !== undefined) encoded[field] = encode(value, type);
    }
    return encoded;
  }

  /**
   * A misspelt name would let through what must not be kept, or let a type be guessed that was
   * declared. A column that the API has renamed is such a name.
   *
   * @throws `ESIM_PII_COLUMN_MISSING` (config), `ESIM_COLUMN_MISSING` (schema).
   */
  requireConfigured(): void {
    if (this.#seen.isEmpty) return;
    const { name } = this.#dataset;
    const personal = this.#personal.missing((field) => this.#isThere(field)).join(', ');
    if (personal !== '')
      throw datasetError(
        'ESIM_PII_COLUMN_MISSING',
        'config',
        name,
        `has no column ${personal}, which should be dropped or hashed`,
        'Correct the name, or say with since from which schema version on it is there; nothing was stored.',
      );
    const declared = this.#configured.filter((field) => !this.#isThere(field)).join(', ');
    if (declared === '') return;
    throw datasetError(
      'ESIM_COLUMN_MISSING',
      'schema',
      name,
      `has no column ${declared}, which has a declared type`,
      'Correct the name, or say with since from which schema version on it is there.',
    );
  }

  #isThere(field: string): boolean {
    return this.#seen.has(field) || (this.#isSameVersion && this.#seen.mayBeNull(field));
  }

  get #isSameVersion(): boolean {
    return this.#known.schemaVersion === (this.#dataset.version ?? null);
  }

  #declare(name: string, type: string): void {
    this.#declared.set(name, declaredColumn(name, type, !this.#dataset.primaryKey.includes(name)));
  }

  // An id is a name: it stays text, whatever the first ones look like.
  #declaredOf(field: string): ColumnSpec | undefined {
    return (
      this.#declared.get(field) ??
      (/(?:^|_)id$|[a-z0-9]I[dD]$/.test(field) ? declaredColumn(field, 'string', true) : undefined)
    );
  }

  #fitting(field: string, value: unknown, { type }: ColumnSpec): unknown {
    if (value !== undefined) return value;
    const { name } = this.#dataset;
    throw datasetError(
      'ESIM_VALUE_INVALID',
      'data',
      name,
      `has a value of ${field} that is no ${type}`,
      'Correct the type of the column.',
    );
  }
}
