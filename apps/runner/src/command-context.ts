import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from '@etl/core';
import { alertUrls } from './alert-urls.ts';
import { exitCodeOfKind } from './exit-code.ts';
import { isGitHub, maskCommands } from './github-annotations.ts';
import { Redactor } from './redactor.ts';
import { SignalTrap } from './signals.ts';
import { Terminal } from './terminal.ts';

/** What every command gets. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv;
  readonly redactor: Redactor;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** What the JSON of a failure says besides the error, asked for when it comes to that. */
  readonly describeFailure: (describe: FailureDescription) => void;
}

/** Further members of the JSON of a failure. */
export type FailureDescription = () => Record<string, unknown> | Promise<Record<string, unknown>>;

/** A command: returns its exit code, or throws what went wrong. */
export type Command = (context: CommandContext) => Promise<number>;

export interface CommandFlags {
  /** What the command is about, in the user's words: `pg shop`. Stands in front of its errors. */
  readonly subject?: string | undefined;
  readonly verbose?: boolean | undefined;
  readonly json?: boolean | undefined;
  /** Its lines begin with the time of day where nobody watches live. */
  readonly isTimed?: boolean | undefined;
}

// A connection that a library forgot to close must not keep a finished command from ending.
const LINGER_MS = 3000;

/** Runs one command from environment to exit code, whatever happens in it. */
export async function runCommand(command: Command, flags: CommandFlags = {}): Promise<void> {
  const redactor = new Redactor(maskAtGitHub);
  const terminal = new Terminal(redactor, process.env);
  const trap = new SignalTrap((name) => {
    terminal.say(`${name}: stopping in order; a second one leaves at once.`);
  });
  endQuietlyWithoutReader();
  let describe: FailureDescription = () => ({});
  const leave = async (error: Error): Promise<void> => process.exit(await failed(terminal, error, flags, describe));
  process.once('uncaughtException', (error) => void leave(error));
  // Nothing is under way any more, but the command has not ended.
  const stall = (): void => {
    process.exitCode = exitCodeOfKind('internal');
    void stalled().then(async (error) => leave(trap.interruption ?? error));
  };
  process.once('beforeExit', stall);
  try {
    loadDotEnv();
    for (const url of alertUrls(process.env)) redactor.add(url);
    const { createLogger } = await import('./logger.ts');
    const logger = await createLogger(process.env, { redactor, terminal }, flags);
    process.exitCode = await command({
      env: process.env,
      redactor,
      terminal,
      signal: trap.signal,
      logger,
      describeFailure(later) {
        describe = later;
      },
    });
  } catch (error) {
    process.exitCode = await failed(terminal, trap.interruption ?? error, flags, describe);
  } finally {
    process.off('beforeExit', stall);
    trap.release();
  }
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

async function stalled(): Promise<Error> {
  const { EtlError } = await import('@etl/core/errors');
  return new EtlError({
    code: 'COMMAND_STALLED',
    kind: 'internal',
    message: 'The command waits for something that will never come.',
    hint: 'What was published counts, and the rest stays due: run again. Report it with what stands above.',
  });
}

/** Tells of a command that never began. Returns its exit code. */
export async function reportFailure(error: unknown, flags: CommandFlags): Promise<number> {
  return failed(new Terminal(new Redactor(maskAtGitHub), process.env), error, flags, () => ({}));
}

async function failed(
  terminal: Terminal,
  error: unknown,
  flags: CommandFlags,
  describe: FailureDescription,
): Promise<number> {
  const { problemJson, problemOf } = await import('./problem.ts');
  const { reportProblem } = await import('./problem-report.ts');
  const problem = problemOf(error);
  if (flags.json === true) {
    terminal.json({ ...(await describe()), status: 'failed', exitCode: problem.exitCode, error: problemJson(problem) });
  }
  reportProblem(terminal, problem, { subject: flags.subject, isVerbose: flags.verbose ?? false });
  return problem.exitCode;
}

/** The redactor only sees what this process prints; GitHub hides the values from all that the job prints. */
function maskAtGitHub(secret: string): void {
  if (!isGitHub(process.env)) return;
  for (const command of maskCommands(secret)) process.stderr.write(`${command}\n`);
}

/** `etl sql … | head` is no failure: whoever read the result has seen enough. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

/** Variables that are set already win over the file. */
function loadDotEnv(): void {
  const file = resolve('.env');
  if (existsSync(file)) process.loadEnvFile(file);
}
