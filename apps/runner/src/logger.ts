import type { LogFields, Logger } from '@etl/core';
import { EtlError } from '@etl/core/errors';
import { Notices } from './notices.ts';
import type { Redactor } from './redactor.ts';
import type { Terminal } from './terminal.ts';

interface LoggerFlags {
  readonly verbose?: boolean | undefined;
  /** The lines of the command begin with the time of day, unless somebody watches them live. */
  readonly isTimed?: boolean | undefined;
}

/**
 * What packages log. Structured lines on stderr with `--verbose` or `ETL_LOG_FORMAT=json`; otherwise
 * pino is not even loaded, and people are told the little that they should know.
 */
export async function createLogger(
  env: NodeJS.ProcessEnv,
  { redactor, terminal }: { readonly redactor: Redactor; readonly terminal: Terminal },
  flags: LoggerFlags,
): Promise<Logger> {
  if (flags.verbose === true || isJsonWanted(env)) return structuredLogger(redactor, flags);
  return noticeLogger(new Notices(terminal, { isTimed: flags.isTimed ?? false }), {});
}

/** @throws `ENVIRONMENT_INVALID` (config) for a format that there is not. */
function isJsonWanted({ ETL_LOG_FORMAT: format = '' }: NodeJS.ProcessEnv): boolean {
  if (format === '' || format === 'json') return format === 'json';
  throw new EtlError({
    code: 'ENVIRONMENT_INVALID',
    kind: 'config',
    message: 'ETL_LOG_FORMAT is neither json nor empty.',
    hint: 'Set it to json for structured logs, or leave it out.',
  });
}

async function structuredLogger(redactor: Redactor, { verbose }: LoggerFlags): Promise<Logger> {
  const { pino } = await import('pino');
  const stderr = {
    write: (line: string) => process.stderr.write(`${JSON.stringify(redactor.redactJson(JSON.parse(line)))}\n`),
  };
  const logger: Logger = pino({ level: verbose === true ? 'debug' : 'info', base: null }, stderr);
  return logger;
}

function noticeLogger(notices: Notices, bound: LogFields): Logger {
  return {
    debug: () => undefined,
    info: (fields, message) => notices.info({ ...bound, ...fields }, message),
    warn: (fields, message) => notices.warn({ ...bound, ...fields }, message),
    // Whatever is an error is thrown or reported as well, with its hint.
    error: () => undefined,
    child: (fields) => noticeLogger(notices, { ...bound, ...fields }),
  };
}
