import type { PipelineEvent } from '@etl/core';
import { rangeText } from './failure-groups.ts';

/** One read that is under way, or has just ended. */
export interface WindowProgress {
  readonly stream: string;
  /** Key of the slice, or of the first and the last. */
  readonly slice: string;
  readonly slices: number;
  readonly startedAt: number;
  published: number;
  /** Of the published ones, those that are as they were. */
  unchanged: number;
  /** Rows that came, went, or have other values than before. */
  restated: number;
  failed: number;
  rows: number;
  /** Of the failure. */
  code: string | undefined;
}

/** Follows the reads of a run from their start to the fate of their slices. */
export class OpenWindows {
  readonly #open: WindowProgress[] = [];
  /** The window whose slices are just being told, by stream: they come in one go. */
  readonly #ending = new Map<string, WindowProgress>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  of(stream: string): readonly WindowProgress[] {
    return this.#open.filter((window) => window.stream === stream);
  }

  /** Returns the window that has ended with this event. */
  apply(event: PipelineEvent): WindowProgress | undefined {
    if (event.type === 'window-started') {
      // A window that failed is read again slice by slice: the first of them takes its place.
      this.#close(this.#open.find((window) => window.stream === event.stream && firstOf(window) === event.slice));
      const { stream, slice, slices } = event;
      const startedAt = this.#now();
      this.#open.push({
        stream,
        slice,
        slices,
        startedAt,
        published: 0,
        unchanged: 0,
        restated: 0,
        failed: 0,
        rows: 0,
        code: undefined,
      });
      return undefined;
    }
    if (event.type !== 'slice-published' && event.type !== 'slice-failed') return undefined;
    const window =
      this.#ending.get(event.stream) ??
      this.#open.find((candidate) => candidate.stream === event.stream && firstOf(candidate) === event.slice);
    if (window === undefined) return undefined;
    this.#ending.set(event.stream, window);
    if (event.type === 'slice-published') {
      window.published += 1;
      if (event.isUnchanged) window.unchanged += 1;
      window.restated += event.restated?.rows ?? 0;
      window.rows += event.rows;
    } else {
      window.failed += 1;
      window.code = event.error.code;
    }
    if (window.published + window.failed < window.slices) return undefined;
    this.#ending.delete(event.stream);
    this.#close(window);
    return window;
  }

  #close(window: WindowProgress | undefined): void {
    if (window !== undefined) this.#open.splice(this.#open.indexOf(window), 1);
  }
}

function firstOf({ slice, slices }: WindowProgress): string {
  return slices === 1 ? slice : (slice.split('…')[0] ?? slice);
}

/** `account_id=1/2026-11-01 … 2026-11-08`. */
export function windowText({ slice, slices }: Pick<WindowProgress, 'slice' | 'slices'>): string {
  const [first = slice, last] = slices === 1 ? [slice] : slice.split('…');
  return last === undefined ? first : rangeText(first, last);
}
