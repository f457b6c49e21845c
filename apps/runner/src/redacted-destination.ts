import type { Destination, DestinationSession } from '@etl/core';
import type { Redactor } from './redactor.ts';

/**
 * The destination, but no secret gets into what it keeps about a run: a platform may repeat one in the
 * text of an error, and the reasons of failures are kept for all who may read the tables.
 */
export function redactedDestination(destination: Destination, redactor: Redactor): Destination {
  return overridden(destination, {
    open: async (pipeline, options) => redactedSession(await destination.open(pipeline, options), redactor),
  });
}

function redactedSession(session: DestinationSession, redactor: Redactor): DestinationSession {
  return overridden(session, {
    writeLedger: (entries) =>
      session.writeLedger(
        entries.map((entry) =>
          entry.reason === undefined ? entry : { ...entry, reason: redactor.redact(entry.reason) },
        ),
      ),
    writeRun: (run) =>
      session.writeRun({
        ...run,
        failures: run.failures.map((failure) => ({ ...failure, message: redactor.redact(failure.message) })),
      }),
  });
}

/** A class with private fields cannot be copied, only stood in front of. */
function overridden<T extends object>(target: T, overrides: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      const value: unknown = Reflect.get(key in overrides ? overrides : target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
