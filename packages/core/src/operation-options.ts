import type { ApiCallEvent } from './api-call.ts';

/** Accepted by every call that touches the network. */
export interface OperationOptions {
  /** Stops the call soon after it aborts; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger | undefined;
  readonly tracer?: Tracer | undefined;
  /**
   * Told of every call to the platform and of every wait between them; must not throw. What it was
   * told is in the report of the run and in `_etl_api_calls`. Hand it on with `signal` and `logger`.
   */
  readonly onCall?: ((event: ApiCallEvent) => void) | undefined;
}

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured logger: fields first, then a constant lowercase phrase. A pino logger fits as it is.
 * Packages are silent when none is given.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Logger;
}

export type SpanAttributes = Record<string, string | number | boolean | undefined>;

/** The part of an OpenTelemetry span that is used. */
export interface Span {
  setAttributes(attributes: SpanAttributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  recordException(exception: Error): void;
  end(): void;
}

/** The part of an OpenTelemetry tracer that is used; the real one fits, nothing is imported. */
export interface Tracer {
  startActiveSpan<T>(name: string, options: { readonly attributes?: SpanAttributes }, work: (span: Span) => T): T;
}

const silent = (): void => undefined;

/** A logger that drops everything; the default. */
export const silentLogger: Logger = {
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  child: () => silentLogger,
};
