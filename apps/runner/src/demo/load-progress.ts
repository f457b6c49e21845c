import type { PipelineEvent } from '@etl/core';
import { count } from '../quantity.ts';

/** One line that says how far a run with slices is: `12 of 70 slices published · 1,623 rows · reports complete`. */
export class LoadProgress {
  #due = 0;
  #published = 0;
  #rows = 0;
  #phase = '';

  apply(event: PipelineEvent): void {
    if (event.type === 'slices-planned') this.#due += Object.values(event.due).reduce((sum, slices) => sum + slices, 0);
    else if (event.type === 'slice-published') this.#published += 1;
    else if (event.type === 'batch-written') this.#rows += event.rows;
    else if (event.type === 'stream-progressed') this.#phase = event.phase;
  }

  get text(): string {
    const slices = `${this.#published} of ${this.#due} slices published`;
    return [
      slices,
      ...(this.#rows === 0 ? [] : [count(this.#rows, 'row')]),
      ...(this.#phase === '' ? [] : [this.#phase]),
    ].join(' · ');
  }
}
