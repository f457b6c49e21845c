import { duration } from '../quantity.ts';
import type { Terminal } from '../terminal.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const LINE_EVERY_MS = 5000;
const WIDTH = 34;

/** Work that says how far it is, and what came of it. */
export type StepWork<T> = (say: (detail: string) => void) => Promise<T>;

/** Steps, one after the other or side by side, each a line: live on a terminal, now and then elsewhere. */
export class Steps {
  readonly #terminal: Terminal;
  readonly #signal: AbortSignal;
  /** The lines of the steps under way. */
  readonly #lines = new Set<(mark: string) => string>();
  #frame = 0;

  constructor(terminal: Terminal, signal: AbortSignal) {
    this.#terminal = terminal;
    this.#signal = signal;
  }

  /** Does the work. What it said last stays in the line when it is done. */
  async step<T>(title: string, work: StepWork<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const startedAt = performance.now();
    let detail = '';
    const line = (mark: string): string =>
      `${mark} ${title.padEnd(WIDTH)} ${duration(performance.now() - startedAt).padStart(8)}   ${detail}`.trimEnd();
    this.#lines.add(line);
    const show = (): void => {
      if (this.#terminal.isLive) this.#draw();
      else this.#terminal.say(line('·'));
    };
    const timer = setInterval(show, this.#terminal.isLive ? FRAME_MS : LINE_EVERY_MS).unref();
    if (this.#terminal.isLive) show();
    try {
      const result = await work((text) => {
        detail = text;
      });
      this.#finish(line, this.#terminal.style('green', '✓'));
      return result;
    } catch (error) {
      this.#finish(line, this.#terminal.style('red', '✗'));
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** Steps side by side. Waits for all of them, whatever becomes of one. */
  async together<T>(steps: readonly Promise<T>[]): Promise<readonly T[]> {
    await Promise.allSettled(steps);
    return Promise.all(steps);
  }

  #draw(): void {
    this.#frame += 1;
    const spinner = this.#terminal.style('cyan', FRAMES[this.#frame % FRAMES.length] ?? '');
    this.#terminal.live([...this.#lines].map((line) => line(spinner)));
  }

  #finish(line: (mark: string) => string, mark: string): void {
    this.#lines.delete(line);
    this.#terminal.live([]);
    this.#terminal.say(line(mark));
  }
}
