/**
 * What an error means for whoever has to act on it.
 *
 * | kind | meaning | retried |
 * |---|---|---|
 * | `config` | options, group or environment are wrong | no |
 * | `auth` | credentials are missing, wrong, expired or revoked | no |
 * | `permission` | credentials are right but lack a scope or a grant | no |
 * | `rate-limit` | the platform says wait, see `retryAfterMs` | yes |
 * | `transient` | network, timeout, service down, lock or slot held by another run | yes |
 * | `data` | a row breaks its schema, or a payload cannot be read | no |
 * | `schema` | a table cannot take what the source sends | no |
 * | `state` | a stored position is unusable, or history is gone | no |
 * | `internal` | a defect of ours | no |
 */
export type ErrorKind =
  | 'config'
  | 'auth'
  | 'permission'
  | 'rate-limit'
  | 'transient'
  | 'data'
  | 'schema'
  | 'state'
  | 'internal';

export interface EtlErrorOptions {
  /** `AREA_CONDITION`, unique and stable: renaming one is a breaking change. */
  readonly code: string;
  readonly kind: ErrorKind;
  /** One sentence that says what happened, with the names the user knows. Never a secret or a cell value. */
  readonly message: string;
  /** One imperative sentence that says what to do. */
  readonly hint?: string | undefined;
  /** Milliseconds after which trying again can succeed. */
  readonly retryAfterMs?: number | undefined;
  /** Facts for logs and reports. Never secrets or cell values. */
  readonly context?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly cause?: unknown;
}

const marker = Symbol.for('etl.error');

/** The one error that packages of this project throw on purpose. Aborts are never wrapped in it. */
export class EtlError extends Error {
  override readonly name = 'EtlError';
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly context: Readonly<Record<string, string | number | boolean>>;

  constructor(options: EtlErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    Object.defineProperty(this, marker, { value: true });
    this.code = options.code;
    this.kind = options.kind;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
    this.context = options.context ?? {};
  }

  /** Whether the same call may succeed later without anybody changing anything. */
  get isRetryable(): boolean {
    return this.kind === 'rate-limit' || this.kind === 'transient';
  }

  /** Recognises the error across copies and versions of this package, where `instanceof` cannot. */
  static isInstance(error: unknown): error is EtlError {
    return typeof error === 'object' && error !== null && marker in error;
  }

  /** `error` itself when it is an {@link EtlError}, otherwise an `internal` one around it. */
  static from(error: unknown): EtlError {
    if (EtlError.isInstance(error)) return error;
    return new EtlError({
      code: 'INTERNAL_UNEXPECTED',
      kind: 'internal',
      message: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}
