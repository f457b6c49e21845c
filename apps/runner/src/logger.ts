import type { Logger } from '@etl/core';
import type { Redactor } from './redactor.ts';

/**
 * Structured logs on stderr, with `--verbose` or `ETL_LOG_FORMAT=json`; otherwise none, and pino is
 * not even loaded. Every line passes the redactor.
 */
export async function createLogger(
  env: NodeJS.ProcessEnv,
  redactor: Redactor,
  flags: { readonly verbose?: boolean | undefined },
): Promise<Logger | undefined> {
  if (flags.verbose !== true && env['ETL_LOG_FORMAT'] !== 'json') return undefined;
  const { pino } = await import('pino');
  const stderr = {
    write: (line: string) => process.stderr.write(`${JSON.stringify(redactor.redactJson(JSON.parse(line)))}\n`),
  };
  const logger: Logger = pino({ level: flags.verbose === true ? 'debug' : 'info', base: null }, stderr);
  return logger;
}
