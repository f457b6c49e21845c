import { EtlError } from '@etl/core/errors';
import { exitCodeOfKind, exitCodeOfSignal, EXIT_USAGE } from './exit-code.ts';
import { Interruption } from './signals.ts';
import { UsageError } from './usage-error.ts';

/** Anything that ends a command badly, in the terms in which it is reported. */
export interface Problem {
  readonly code: string;
  readonly kind: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly exitCode: number;
  /** Kept for `--verbose` and for defects of ours, which nobody can understand without it. */
  readonly stack: string | undefined;
}

export function problemOf(error: unknown): Problem {
  if (error instanceof UsageError) {
    const { code, message, hint } = error;
    return { code, kind: 'usage', message, hint, exitCode: EXIT_USAGE, stack: error.stack };
  }
  if (error instanceof Interruption) return interruption(error);
  const known = EtlError.from(error);
  return {
    code: known.code,
    kind: known.kind,
    message: known.message,
    hint: known.hint ?? defaultHint(known),
    exitCode: exitCodeOfKind(known.kind),
    stack: stackOf(known),
  };
}

function interruption({ signal }: Interruption): Problem {
  return {
    code: 'INTERRUPTED',
    kind: 'interrupted',
    message: `Stopped by ${signal}; what was committed before stays, the rest was given up.`,
    hint: 'Nothing is lost: run the same command again and it goes on from there.',
    exitCode: exitCodeOfSignal(signal),
    stack: undefined,
  };
}

function defaultHint(error: EtlError): string | undefined {
  if (error.kind === 'internal') return 'This is a defect: please report it with the text below.';
  return error.isRetryable ? 'Nothing is lost: run the same command again later.' : undefined;
}

function stackOf(error: EtlError): string | undefined {
  const parts = [error.stack ?? String(error)];
  for (let cause = error.cause; cause instanceof Error && parts.length < 5; cause = cause.cause) {
    // The stack of what came from outside is the one worth reading.
    parts.push(parts.length === 1 && cause.stack !== undefined ? cause.stack : String(cause));
  }
  return parts.join('\ncaused by ');
}

/** Where a code is explained. */
export function documentationOf(code: string): string {
  return `docs/errors.md#${code.toLowerCase()}`;
}

/** The part of a problem that programs read. */
export function problemJson({ code, kind, message, hint }: Problem): Record<string, string> {
  return { code, kind, message, ...(hint === undefined ? {} : { hint }) };
}
