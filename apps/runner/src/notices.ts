import type { LogFields } from '@etl/core';
import type { Terminal } from './terminal.ts';
import { timeOfDay } from './time-of-day.ts';

// A shorter wait is over before it is read about.
const WAIT_MS = 2000;

export interface NoticesOptions {
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  /** Among lines that begin with the time of day, notices do so too. */
  readonly isTimed?: boolean;
}

/**
 * Tells people what they should know while a command goes on: why it waits, what it warns of, and which table
 * the source has emptied. Each thing once.
 */
export class Notices {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #isTimed: boolean;
  readonly #waits = new Map<string, { readonly since: number; readonly last: number }>();
  readonly #said = new Set<string>();

  constructor(terminal: Terminal, { now = () => performance.now(), isTimed = false }: NoticesOptions = {}) {
    this.#terminal = terminal;
    this.#now = now;
    this.#isTimed = isTimed && !terminal.isLive;
  }

  info(fields: LogFields, message: string): void {
    if (message.startsWith('truncated ')) return this.#say('·', fields, message);
    if (!message.startsWith('waiting ')) return;
    const now = this.#now();
    const wait = this.#waits.get(message);
    // Who waits says so again and again; after a silence it is another wait.
    const since = wait === undefined || now - wait.last > WAIT_MS ? now : wait.since;
    this.#waits.set(message, { since, last: now });
    if (now - since >= WAIT_MS) this.#say('…', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#say(this.#terminal.style('yellow', '!'), fields, message);
  }

  #say(mark: string, { stream, reason, hint }: LogFields, message: string): void {
    const about = typeof stream === 'string' ? `${stream}: ` : '';
    const why = typeof reason === 'string' ? `: ${reason}` : '';
    const line = `${mark} ${about}${message}${why}`;
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#terminal.say(this.#isTimed ? `${timeOfDay()} ${line}` : line);
    if (typeof hint === 'string') this.#terminal.say(`  ${hint}`);
  }
}
