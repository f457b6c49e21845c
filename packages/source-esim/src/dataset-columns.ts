import { createHmac } from 'node:crypto';
import type { ColumnSpec, Row, StreamSpec } from '@etl/core';
import { datasetError } from './dataset-error.ts';
import { declaredColumn, declaredValue, detectedColumn } from './declared-type.ts';
import { detect, encode, join, type DetectedType } from './detected-type.ts';
import { exactJson, numberText } from './exact-value.ts';
import type { Dataset } from './manifest.ts';
import { isFrom } from './version-gate.ts';

/** The columns of a dataset: what is declared, what its values say, and what is kept of each. */
export class DatasetColumns {
  /** Every field that was ever seen, those that are dropped included. */
  readonly fields: Set<string>;
  readonly #dataset: Dataset;
  readonly #hashKey: string | undefined;
  readonly #types: Map<string, DetectedType>;
  readonly #declared = new Map<string, ColumnSpec>();

  constructor(
    dataset: Dataset,
    known: { readonly fields: readonly string[]; readonly types: Readonly<Record<string, DetectedType>> },
    hashKey: string | undefined,
  ) {
    this.#dataset = dataset;
    this.#hashKey = hashKey;
    this.fields = new Set(known.fields);
    this.#types = new Map(Object.entries(known.types));
    const { columns, hash } = dataset.options;
    for (const [name, { type, since }] of Object.entries(columns)) {
      if (isFrom(dataset.version, since)) this.#declare(name, type);
    }
    if (dataset.watermark !== undefined) this.#declare(dataset.watermark, 'timestamp');
    for (const name of dataset.primaryKey) if (!this.#declared.has(name)) this.#declare(name, 'string');
    for (const name of hash) this.#declare(name, 'string');
  }

  get types(): Readonly<Record<string, DetectedType>> {
    return Object.fromEntries(this.#types);
  }

  get spec(): StreamSpec {
    const { name, primaryKey, disposition, options } = this.#dataset;
    const kept = [...new Set([...primaryKey, ...this.fields])].filter((field) => !options.drop.includes(field));
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
    const { name, primaryKey, options } = this.#dataset;
    for (const key of primaryKey) {
      if (row[key] === null || row[key] === undefined)
        throw datasetError('ESIM_KEY_MISSING', 'data', name, `has a row without ${key}`, 'Ask whoever runs the API.');
    }
    const kept: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(row)) {
      this.fields.add(field);
      if (options.drop.includes(field)) continue;
      kept[field] = options.hash.includes(field) ? this.#hashed(value) : value;
      if (this.#declaredOf(field) !== undefined) continue;
      const type = join(this.#types.get(field), detect(kept[field]));
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

  /** A misspelt column would let through what must not be kept. */
  requirePii(): void {
    const { name, options } = this.#dataset;
    const missing = [...options.drop, ...options.hash].filter((field) => !this.fields.has(field));
    if (missing.length === 0) return;
    throw datasetError(
      'ESIM_PII_COLUMN_MISSING',
      'config',
      name,
      `has no column ${missing.join(', ')}, which should be dropped or hashed`,
      'Correct the names of the columns; nothing was stored.',
    );
  }

  #declare(name: string, type: string): void {
    this.#declared.set(name, declaredColumn(name, type, !this.#dataset.primaryKey.includes(name)));
  }

  // An id is a name: it stays text, whatever the first ones look like.
  #declaredOf(field: string): ColumnSpec | undefined {
    return this.#declared.get(field) ?? (/(?:^|_)id$/.test(field) ? declaredColumn(field, 'string', true) : undefined);
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

  #hashed(value: unknown): unknown {
    if (value === null || value === undefined) return null;
    const text = typeof value === 'string' ? value : (numberText(value) ?? exactJson(value));
    return createHmac('sha256', this.#hashKey ?? '')
      .update(text)
      .digest('hex');
  }
}
