import type { PipelineEvent } from '@etl/core';

/** How long each table took: the time up to each of its events since the event before. */
export class StreamSeconds {
  readonly #seconds = new Map<string, number>();

  /** Starts the clock of a run; what lies between two runs belongs to no table. For the run's `onEvent`. */
  prefixed(dataset: string): (event: PipelineEvent) => void {
    let last = performance.now();
    return (event) => {
      const now = performance.now();
      if ('stream' in event) {
        const table = `${dataset}___${event.stream}`;
        this.#seconds.set(table, this.of(table) + (now - last) / 1000);
      }
      last = now;
    };
  }

  /** Of a table by its name in ClickHouse; those of a nested list are its parent's. */
  of(table: string): number {
    return this.#seconds.get(table) ?? 0;
  }
}
