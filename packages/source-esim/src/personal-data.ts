import { createHmac } from 'node:crypto';
import type { Row } from '@etl/core';
import { exactJson, numberText } from './exact-value.ts';
import type { Dataset } from './manifest.ts';
import { cleaned, personalPath, type PersonalPath } from './personal-path.ts';
import { isFrom } from './version-gate.ts';

/** What of a dataset is dropped or hashed before anybody sees it: columns, and places inside of them. */
export class PersonalData {
  readonly dropped: ReadonlySet<string>;
  readonly hashed: ReadonlySet<string>;
  readonly #dataset: Dataset;
  readonly #hashKey: string | undefined;
  readonly #droppedPaths: readonly PersonalPath[];
  readonly #hashedPaths: readonly PersonalPath[];
  /** Paths that some row has had, in this reading or an earlier one. */
  readonly #found: Set<string>;

  constructor(dataset: Dataset, hashKey: string | undefined, known: readonly string[]) {
    const { drop, hash } = dataset.options;
    this.#dataset = dataset;
    this.#hashKey = hashKey;
    this.dropped = new Set(drop.map(({ name }) => name));
    this.hashed = new Set(hash.map(({ name }) => name));
    this.#droppedPaths = [...this.dropped].flatMap((name) => personalPath(name) ?? []);
    this.#hashedPaths = [...this.hashed].flatMap((name) => personalPath(name) ?? []);
    this.#found = new Set(known);
  }

  get paths(): readonly string[] {
    return [...this.#droppedPaths, ...this.#hashedPaths]
      .map(({ name }) => name)
      .filter((name) => this.#found.has(name));
  }

  /** The row as it may be kept. */
  clean(row: Row): Row {
    const kept: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(row)) {
      if (this.dropped.has(field)) continue;
      kept[field] = this.hashed.has(field) ? this.#hash(value) : value;
    }
    for (const path of this.#droppedPaths) this.#clean(kept, path);
    for (const path of this.#hashedPaths) this.#clean(kept, path, (found) => this.#hash(found));
    return kept;
  }

  #clean(kept: Record<string, unknown>, path: PersonalPath, replace?: (found: unknown) => unknown): void {
    if (!Object.hasOwn(kept, path.column) || this.hashed.has(path.column)) return;
    const onFound = (): void => void this.#found.add(path.name);
    const how = { dataset: this.#dataset.name, onFound, ...(replace === undefined ? {} : { replace }) };
    kept[path.column] = cleaned(kept[path.column], path, how);
  }

  /** Names that should be there by now, but are in no row. */
  missing(isThere: (field: string) => boolean): readonly string[] {
    const { options, version } = this.#dataset;
    const expected = [...options.drop, ...options.hash].filter(({ since }) => isFrom(version, since));
    return expected.map(({ name }) => name).filter((name) => !isThere(name) && !this.#found.has(name));
  }

  #hash(value: unknown): unknown {
    if (value === null || value === undefined) return null;
    const text = typeof value === 'string' ? value : (numberText(value) ?? exactJson(value));
    return createHmac('sha256', this.#hashKey ?? '')
      .update(text)
      .digest('hex');
  }
}
