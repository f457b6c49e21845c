import { styleText } from 'node:util';
import type { Redactor } from './redactor.ts';

type Style = Parameters<typeof styleText>[0];

/**
 * The two ways out of the process: results on stdout, everything else on stderr. Nothing reaches
 * stderr without passing the redactor.
 */
export class Terminal {
  readonly #redactor: Redactor;
  /** Whether somebody watches stderr live, so that lines may be rewritten. */
  readonly isLive: boolean;

  constructor(redactor: Redactor, env: NodeJS.ProcessEnv) {
    this.#redactor = redactor;
    this.isLive = process.stderr.isTTY && !isSet(env['CI']) && env['TERM'] !== 'dumb';
  }

  get width(): number {
    return process.stderr.columns || 100;
  }

  get height(): number {
    return process.stderr.rows || 24;
  }

  /** A line for people. */
  say(line = ''): void {
    this.write(`${line}\n`);
  }

  /** Text for people, without a line end. */
  write(text: string): void {
    process.stderr.write(this.#redactor.redact(text));
  }

  /** A result in text form. */
  result(text: string): void {
    process.stdout.write(`${this.#redactor.redact(text)}\n`);
  }

  /** A result for programs. */
  json(value: unknown): void {
    process.stdout.write(`${JSON.stringify(this.#redactor.redactJson(value), undefined, 2)}\n`);
  }

  style(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stderr });
  }
}

/** Whether a switch in the environment is on, as tools agree on it for `CI`. */
export function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value.toLowerCase());
}
