import type { Logger, SourceMessage } from '@etl/core';
import type { Replace } from './value-type.ts';

/** Counts the values that no destination can hold and that became NULL, because the options say so. */
export class ReplacedValues {
  readonly #logger: Logger;
  /** By stream and column, since they were last told. */
  readonly #counts = new Map<string, Map<string, number>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** To be called for each value of the column that becomes NULL. */
  counter(stream: string, column: string): Replace {
    return () => {
      const columns = this.#counts.get(stream) ?? new Map<string, number>();
      this.#counts.set(stream, columns);
      columns.set(column, (columns.get(column) ?? 0) + 1);
    };
  }

  /** What the report is told of the stream, behind the rows that it concerns. */
  *messages(stream: string): Generator<SourceMessage, void, undefined> {
    for (const [column, count] of this.#counts.get(stream) ?? []) {
      this.#logger.warn({ stream, column, values: count }, 'values out of range became NULL');
      yield {
        type: 'drift-found',
        stream,
        drift: {
          property: `values of ${column} out of range`,
          declared: 'none',
          actual: `${count} became NULL`,
        },
      };
    }
    this.#counts.delete(stream);
  }
}
