import { EtlError } from '@etl/core/errors';

/**
 * An error whose repair is a run that reads everything anew says so in a connector's general words; here it gets the
 * command to copy.
 */
export function withRepairCommand(error: unknown, subject: string): unknown {
  if (!EtlError.isInstance(error) || error.context['repair'] !== 'full-refresh') return error;
  const command = `run: etl run ${subject} --full-refresh`;
  const general = /run again with --full-refresh of all streams(, which copies every table)?/i;
  const hint = error.hint ?? '';
  const text = general.test(hint) ? hint.replace(general, command) : `${hint} ${command}`.trim();
  return new EtlError({
    code: error.code,
    kind: error.kind,
    message: error.message,
    hint: text.replace(/^run:/, 'Run:'),
    context: error.context,
    cause: error.cause ?? error,
  });
}
