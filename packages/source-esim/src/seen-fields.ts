import type { Row } from '@etl/core';
import type { DatasetState } from './dataset-state.ts';

type Known = Pick<DatasetState, 'fields' | 'absences'>;

/**
 * The fields of one reading. An API may write NULL, or leave the key out: a field that is in no row says
 * that it is gone only where keys are not left out.
 */
export class SeenFields {
  readonly #known: Known;
  readonly #rowsByField = new Map<string, number>();
  #rows = 0;
  #writesNull: boolean;

  constructor(known: Known) {
    this.#known = known;
    this.#writesNull = known.absences.writesNull;
  }

  get isEmpty(): boolean {
    return this.#rowsByField.size === 0;
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#rowsByField.keys());
  }

  add(row: Row): void {
    this.#rows += 1;
    for (const [field, value] of Object.entries(row)) {
      this.#rowsByField.set(field, (this.#rowsByField.get(field) ?? 0) + 1);
      this.#writesNull ||= value === null;
    }
  }

  has(field: string): boolean {
    return this.#rowsByField.has(field);
  }

  /**
   * Whether a field that is in no row may only have been NULL in all of them: keys of it were left out before,
   * NULL was never written, and there is no new field that could be the same under another name.
   */
  mayBeNull(field: string): boolean {
    if (this.#writesNull || !this.#known.absences.fields.includes(field)) return false;
    return [...this.#rowsByField.keys()].every((name) => this.#known.fields.includes(name));
  }

  /** What is known of it after this reading. */
  get absences(): DatasetState['absences'] {
    const lacking = [...this.#rowsByField].filter(([, rows]) => rows < this.#rows).map(([field]) => field);
    return { writesNull: this.#writesNull, fields: [...new Set([...this.#known.absences.fields, ...lacking])] };
  }
}
