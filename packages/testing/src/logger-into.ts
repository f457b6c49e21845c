import type { Logger } from '@etl/core';

/** A logger that keeps everything it is told, fields included. */
export function loggerInto(heard: unknown[]): Logger {
  const hear = (...said: readonly unknown[]): void => {
    heard.push(said);
  };
  const logger: Logger = {
    debug: hear,
    info: hear,
    warn: hear,
    error: hear,
    child: (fields) => (hear(fields), logger),
  };
  return logger;
}
