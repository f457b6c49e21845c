import { EtlError, type EtlErrorOptions } from '@etl/core';

/** What is being done, for the message of an error. Never a secret. */
export type Doing = string;

type Mapping = Pick<EtlErrorOptions, 'code' | 'kind' | 'hint'> & { readonly what: string };

const UNREACHABLE: Mapping = {
  code: 'PG_UNREACHABLE',
  kind: 'transient',
  what: 'the server cannot be reached or closed the connection',
  hint: 'Try again when the server is up; check host and port if it never is.',
};

const HOST_UNKNOWN: Mapping = {
  code: 'PG_HOST_UNKNOWN',
  kind: 'config',
  what: 'the name of the host cannot be resolved',
  hint: 'Correct the host in the connection string.',
};

/** What a failure of the network says of its cause. */
const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'connection reset',
  ECONNABORTED: 'connection aborted',
  ENETUNREACH: 'no route to the network',
  EHOSTUNREACH: 'no route to the host',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'no answer in time',
  EPIPE: 'connection closed',
};

const TLS: Mapping = {
  code: 'PG_TLS_FAILED',
  kind: 'config',
  what: 'no TLS connection that sslmode asks for',
  hint: 'Give the right sslmode and sslrootcert in the connection string.',
};

const AUTH: Mapping = {
  code: 'PG_AUTH_FAILED',
  kind: 'auth',
  what: 'the server refuses user and password',
  hint: 'Correct user and password in the connection string, or the rules of pg_hba.conf.',
};

const NO_TEXT: Mapping = {
  code: 'PG_VALUE_UNSUPPORTED',
  kind: 'data',
  what: 'a value is no text in UTF-8',
  hint: 'Correct the value at the source; of a change, which the log keeps, drop the slot as well and run with --full-refresh.',
};

const MAPPINGS: Readonly<Record<string, Mapping>> = {
  '22021': NO_TEXT,
  '22P05': NO_TEXT,
  '28P01': AUTH,
  '28000': AUTH,
  '3D000': {
    code: 'PG_DATABASE_MISSING',
    kind: 'config',
    what: 'the database does not exist',
    hint: 'Correct the database in the connection string.',
  },
  '42501': {
    code: 'PG_PERMISSION_DENIED',
    kind: 'permission',
    what: 'the user lacks a privilege',
    hint: 'Grant what the message of the server names.',
  },
  '55006': {
    code: 'PG_SLOT_IN_USE',
    kind: 'transient',
    what: 'another process reads the replication slot',
    hint: 'Wait until the other run has ended.',
  },
  '53300': {
    code: 'PG_TOO_MANY_CONNECTIONS',
    kind: 'transient',
    what: 'the server has no free connection',
    hint: 'Try again later, or raise max_connections and max_wal_senders.',
  },
  '57P01': UNREACHABLE,
  '57P02': UNREACHABLE,
  '57P03': UNREACHABLE,
  '57P05': UNREACHABLE,
  '40001': UNREACHABLE,
  '58000': UNREACHABLE,
  ECONNREFUSED: UNREACHABLE,
  ECONNRESET: UNREACHABLE,
  ECONNABORTED: UNREACHABLE,
  ENOTFOUND: HOST_UNKNOWN,
  ENETUNREACH: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  EPIPE: UNREACHABLE,
  ERR_STREAM_DESTROYED: UNREACHABLE,
  ERR_TLS_CERT_ALTNAME_INVALID: TLS,
};

/** What `pg` says of a connection that is lost, and of every question that comes after that. */
const LOST = /^Connection terminated|connection closed|connection error and is not queryable/i;
const TIMEOUT = /timeout expired|due to connection timeout/i;

/** The error that a failure of the server or of the connection means to whoever has to act on it. */
export function pgError(error: unknown, doing: Doing): EtlError {
  if (EtlError.isInstance(error)) return error;
  const mapping = mappingOf(error);
  // A server's message names objects and users, never a password; other messages may hold anything.
  const cause = isServerError(error) ? error.message : networkCause(error);
  const detail = cause === undefined ? '' : ` (${cause})`;
  return new EtlError({
    code: mapping.code,
    kind: mapping.kind,
    message: `PostgreSQL: ${mapping.what}${detail}, while ${doing}.`,
    hint: mapping.hint,
    cause: error,
  });
}

function mappingOf(error: unknown): Mapping {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const known = MAPPINGS[code];
  if (known !== undefined) return known;
  if (code.startsWith('08')) return UNREACHABLE;
  if (LOST.test(message) || TIMEOUT.test(message)) return UNREACHABLE;
  if (/^SASL|SCRAM|client password must be a string/i.test(message)) return AUTH;
  if (/SSL|certificate|TLS/i.test(message) || /CERT|TLS|SSL/.test(code)) return TLS;
  return {
    code: 'PG_QUERY_FAILED',
    kind: 'internal',
    what: isServerError(error) ? `the server reports ${code}` : 'an unexpected failure',
    hint: undefined,
  };
}

function networkCause(error: unknown): string | undefined {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const known = CAUSES[code];
  if (known !== undefined) return known;
  if (TIMEOUT.test(message)) return CAUSES['ETIMEDOUT'];
  return LOST.test(message) ? 'connection closed' : undefined;
}

/** SQLSTATE of an error of the server. */
export function sqlState(error: unknown): string | undefined {
  return isServerError(error) ? error.code : undefined;
}

function isServerError(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error &&
    /^[0-9A-Z]{5}$/.test((error as { code?: string }).code ?? '') &&
    !/^E[A-Z]{4}$/.test((error as { code?: string }).code ?? '')
  );
}
