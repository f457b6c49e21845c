import { EtlError, type EtlErrorOptions } from '../etl-error.ts';
import { redactedCause } from './redacted-error.ts';
import type { SecretRedactor } from './secret-redactor.ts';

/** What every error of a request says of it. */
export interface RequestLabel {
  readonly method: string;
  /** Without secrets. */
  readonly url: string;
}

/** The request as messages name it: a query of many fields would hide what is said of it, and stays in the context. */
export function requestText({ method, url }: RequestLabel): string {
  return `${method} ${url.split('?', 1).join('')}`;
}

type Meaning = Pick<EtlErrorOptions, 'code' | 'kind' | 'hint'>;

/** What a status means as long as the platform's own words are not known. */
export function statusError(label: RequestLabel, status: number, retryAfterMs: number | undefined): EtlError {
  const meaning = meaningOf(status);
  return new EtlError({
    ...meaning,
    message: `${requestText(label)} was answered with status ${status}.`,
    retryAfterMs: meaning.kind === 'rate-limit' || meaning.kind === 'transient' ? retryAfterMs : undefined,
    context: { ...label, status },
  });
}

function meaningOf(status: number): Meaning {
  if (status === 401) {
    return { code: 'HTTP_UNAUTHORIZED', kind: 'auth', hint: 'Check that the credentials are right and not expired.' };
  }
  if (status === 403) {
    return { code: 'HTTP_FORBIDDEN', kind: 'permission', hint: 'Give the credentials access to what is read.' };
  }
  if (status === 429) {
    return { code: 'HTTP_RATE_LIMITED', kind: 'rate-limit', hint: 'Run again when the quota has regained.' };
  }
  // Timeout, conflict of two requests, too early: the same request may pass later.
  if (status >= 500 || status === 408 || status === 425) {
    return { code: 'HTTP_SERVER_FAILED', kind: 'transient', hint: 'Run again later; the platform is failing.' };
  }
  if (status === 404 || status === 410) {
    return { code: 'HTTP_NOT_FOUND', kind: 'config', hint: 'Check the base URL and the ids of what is read.' };
  }
  return {
    code: 'HTTP_REJECTED',
    kind: 'config',
    hint: 'Check the options: the platform does not accept the request.',
  };
}

/** OpenSSL's and Node's codes for a server that cannot prove who it is. */
const UNTRUSTED =
  /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH|ERR_SSL_WRONG_VERSION)/;

/** The error for what `fetch` or a body threw. */
export function transportError(label: RequestLabel, thrown: unknown, redactor: SecretRedactor): EtlError {
  if (EtlError.isInstance(thrown)) return thrown;
  const code = transportCode(thrown);
  const cause = redactedCause(thrown, redactor);
  if (code === undefined && !(thrown instanceof Error && thrown.cause !== undefined)) {
    return new EtlError({
      code: 'HTTP_REQUEST_INVALID',
      kind: 'config',
      message: `${requestText(label)} could not be sent.`,
      hint: 'Check that no header or option holds characters that are not allowed there, such as a line break.',
      context: { ...label },
      cause,
    });
  }
  if (code !== undefined && UNTRUSTED.test(code)) {
    return new EtlError({
      code: 'HTTP_CERTIFICATE_UNTRUSTED',
      kind: 'config',
      message: `${requestText(label)} was not sent: the server's certificate is not trusted.`,
      hint: 'Check the base URL, or give Node the authority by NODE_EXTRA_CA_CERTS.',
      context: { ...label, reason: code },
      cause,
    });
  }
  return new EtlError({
    code: 'HTTP_CONNECTION_FAILED',
    kind: 'transient',
    message: `${requestText(label)} lost its connection or got none${code === undefined ? '' : ` (${code})`}.`,
    hint: 'Run again later; check the network if it repeats.',
    context: { ...label, reason: code ?? 'unknown' },
    cause,
  });
}

function transportCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const { code } = thrown as { code?: unknown };
  if (thrown.cause !== undefined) return transportCode(thrown.cause) ?? (typeof code === 'string' ? code : undefined);
  if (thrown instanceof AggregateError && typeof code !== 'string') return transportCode(thrown.errors[0]);
  return typeof code === 'string' ? code : undefined;
}

export function timeoutError(label: RequestLabel, phase: 'first byte' | 'idle' | 'attempt' | 'deadline'): EtlError {
  return new EtlError({
    code: 'HTTP_TIMEOUT',
    kind: 'transient',
    message: `${requestText(label)} took too long (${phase}).`,
    hint: 'Run again later, ask for less at once, or raise the limit.',
    context: { ...label, phase },
  });
}
