import type { LogFields } from '@etl/core';
import type { Terminal } from './terminal.ts';

// A shorter wait is over before it is read about.
const WAIT_MS = 2000;

/** Tells people what they should know while a run goes on: why it waits, and what it warns of. Each thing once. */
export class Notices {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #waitingSince = new Map<string, number>();
  readonly #said = new Set<string>();

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
  }

  info(fields: LogFields, message: string): void {
    if (!message.startsWith('waiting ')) return;
    const since = this.#waitingSince.get(message) ?? this.#now();
    this.#waitingSince.set(message, since);
    if (this.#now() - since >= WAIT_MS) this.#say('…', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#say(this.#terminal.style('yellow', '!'), fields, message);
  }

  #say(mark: string, { stream, reason }: LogFields, message: string): void {
    const about = typeof stream === 'string' ? `${stream}: ` : '';
    const why = typeof reason === 'string' ? ` (${reason})` : '';
    const line = `${mark} ${about}${message}${why}`;
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#terminal.say(line);
  }
}
