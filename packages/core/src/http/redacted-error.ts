import { EtlError } from '../etl-error.ts';
import type { SecretRedactor } from './secret-redactor.ts';

/**
 * What may be kept of an error of the transport as a cause: its name, code and redacted message,
 * not the objects that hang on it, such as the request with its headers. Errors without a code are
 * complaints about a value (a header, a URL) that quote it, so their message is dropped.
 */
export function redactedCause(error: unknown, redactor: SecretRedactor): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  const inner = redactedCause(error.cause, redactor);
  const hasCode = typeof code === 'string';
  const text = hasCode || inner !== undefined ? redactor.text(error.message) : error.name;
  const kept = new Error(text, inner === undefined ? undefined : { cause: inner });
  delete kept.stack;
  return hasCode ? Object.assign(kept, { code }) : kept;
}

/** The same error with everything that it shows redacted: its own text may quote the platform's. */
export function redactedError(error: EtlError, redactor: SecretRedactor): EtlError {
  return new EtlError({
    code: error.code,
    kind: error.kind,
    message: redactor.text(error.message),
    hint: error.hint === undefined ? undefined : redactor.text(error.hint),
    retryAfterMs: error.retryAfterMs,
    context: Object.fromEntries(
      Object.entries(error.context).map(([name, value]) => [
        name,
        typeof value === 'string' ? redactor.text(value) : value,
      ]),
    ),
    cause: causeOf(error.cause, redactor),
  });
}

function causeOf(cause: unknown, redactor: SecretRedactor): Error | undefined {
  if (cause instanceof AggregateError) {
    return new AggregateError(
      cause.errors.map((one) => causeOf(one, redactor)),
      redactor.text(cause.message),
    );
  }
  return EtlError.isInstance(cause) ? redactedError(cause, redactor) : redactedCause(cause, redactor);
}
