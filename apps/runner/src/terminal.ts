import { stripVTControlCharacters, styleText } from 'node:util';
import type { Redactor } from './redactor.ts';

type Style = Parameters<typeof styleText>[0];

/**
 * The two ways out of the process: results on stdout, everything else on stderr. Nothing reaches
 * stderr without passing the redactor.
 */
export class Terminal {
  readonly #redactor: Redactor;
  #liveLines: readonly string[] = [];
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

  /** A line for people; it stays. */
  say(line = ''): void {
    this.#erase();
    this.#write(`${line}\n`);
    this.#draw();
  }

  /** Replaces the lines below everything said, which are rewritten as long as work goes on. */
  live(lines: readonly string[]): void {
    this.#erase();
    this.#liveLines = lines.map((line) => cut(line, this.width - 1));
    this.#draw();
  }

  #draw(): void {
    if (this.#liveLines.length > 0) this.#write(`${this.#liveLines.join('\n')}\n`);
  }

  #erase(): void {
    if (this.#liveLines.length > 0) this.#write(`\u001B[${this.#liveLines.length}F\u001B[J`);
  }

  #write(text: string): void {
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

/** A line longer than the terminal would wrap, and could not be erased. */
function cut(line: string, width: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= width ? line : `${plain.slice(0, Math.max(0, width - 1))}…`;
}
