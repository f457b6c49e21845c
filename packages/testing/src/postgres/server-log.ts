import type { ChildProcess } from 'node:child_process';

const KEPT_CHARACTERS = 16_000;

/** The stderr of a server: waits for a line of it, and keeps its end for error messages. */
export class ServerLog {
  #text = '';
  #ended = false;
  readonly #listeners = new Set<() => void>();

  constructor(server: ChildProcess) {
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#text = (this.#text + text).slice(-KEPT_CHARACTERS);
      this.#changed();
    });
    server.once('error', (error) => {
      this.#text += String(error);
      this.#end();
    });
    server.once('close', () => this.#end());
  }

  get tail(): string {
    return this.#text.trim().split('\n').slice(-12).join('\n');
  }

  /** The first match, also in what was logged before. Throws with the end of the log when none comes. */
  async line(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        done();
        reject(new Error(`PostgreSQL did not get ready within ${timeoutMs} ms:\n${this.tail}`));
      }, timeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      const look = (): void => {
        const match = pattern.exec(this.#text);
        if (match === null && !this.#ended) return;
        done();
        if (match === null) reject(new Error(`PostgreSQL ended at its start:\n${this.tail}`));
        else resolve(match);
      };
      this.#listeners.add(look);
      look();
    });
  }

  #end(): void {
    this.#ended = true;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
