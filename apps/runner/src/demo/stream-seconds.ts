import type { PipelineEvent } from '@etl/core';

/** How long each stream took: the time up to each of its events since the event before. */
export class StreamSeconds {
  readonly #seconds = new Map<string, number>();
  #last = performance.now();

  /** Starts the clock of a run; what lies between two runs belongs to no stream. */
  begin(): void {
    this.#last = performance.now();
  }

  apply(event: PipelineEvent): void {
    const now = performance.now();
    if ('stream' in event) {
      this.#seconds.set(event.stream, this.of(event.stream) + (now - this.#last) / 1000);
    }
    this.#last = now;
  }

  of(stream: string): number {
    return this.#seconds.get(stream) ?? 0;
  }
}
