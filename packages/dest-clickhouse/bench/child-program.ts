import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';

/** How a program ended. */
export interface ProgramEnd {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  /** The last of what it wrote to stderr. */
  readonly errors: string;
}

/** A TypeScript program in a process of its own, which says what it does in lines of JSON. */
export class ChildProgram {
  readonly ended: Promise<ProgramEnd>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;

  constructor(file: string, args: readonly string[], onMessage: (message: Record<string, unknown>) => void) {
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString('utf8')).slice(-4000)));
    createInterface({ input: child.stdout }).on('line', (line) =>
      onMessage(JSON.parse(line) as Record<string, unknown>),
    );
    this.ended = new Promise((resolve) => child.once('close', (code) => resolve({ code, errors })));
  }

  /** Stops it where it stands. */
  stop(): void {
    this.#child.kill('SIGSTOP');
  }

  wake(): void {
    this.#child.kill('SIGCONT');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** One line to the process that started this one. */
export function say(message: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
