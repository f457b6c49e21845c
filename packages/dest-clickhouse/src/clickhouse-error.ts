import type { ErrorKind } from '@etl/core';
import { EtlError } from '@etl/core/errors';

interface Meaning {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint?: string;
}

const REPLICAS = 'Run again when enough replicas are up and have caught up.';

/** Server error codes that mean something to whoever runs a load; every other code is unexpected. */
const SERVER_CODES: Readonly<Record<string, Meaning>> = {
  '516': {
    code: 'CLICKHOUSE_AUTH_FAILED',
    kind: 'auth',
    hint: 'Check user and password of the ClickHouse destination.',
  },
  '192': {
    code: 'CLICKHOUSE_AUTH_FAILED',
    kind: 'auth',
    hint: 'Check user and password of the ClickHouse destination.',
  },
  '193': {
    code: 'CLICKHOUSE_AUTH_FAILED',
    kind: 'auth',
    hint: 'Check user and password of the ClickHouse destination.',
  },
  '194': {
    code: 'CLICKHOUSE_AUTH_FAILED',
    kind: 'auth',
    hint: 'Check user and password of the ClickHouse destination.',
  },
  '497': {
    code: 'CLICKHOUSE_NOT_PERMITTED',
    kind: 'permission',
    hint: 'Grant the loader the rights listed in the package README.',
  },
  '81': {
    code: 'CLICKHOUSE_DATABASE_MISSING',
    kind: 'config',
    hint: 'Create the database, or grant the loader CREATE DATABASE.',
  },
  '202': { code: 'CLICKHOUSE_BUSY', kind: 'transient', hint: 'Run again when the server has fewer queries.' },
  '241': {
    code: 'CLICKHOUSE_OUT_OF_MEMORY',
    kind: 'transient',
    hint: 'Run again, or raise the memory limit of the user.',
  },
  '159': { code: 'CLICKHOUSE_TIMEOUT', kind: 'transient', hint: 'Run again.' },
  '209': { code: 'CLICKHOUSE_TIMEOUT', kind: 'transient', hint: 'Run again.' },
  '210': { code: 'CLICKHOUSE_UNREACHABLE', kind: 'transient', hint: 'Run again.' },
  '242': { code: 'CLICKHOUSE_READ_ONLY', kind: 'transient', hint: 'Run again when the table can be written.' },
  '252': { code: 'CLICKHOUSE_TOO_MANY_PARTS', kind: 'transient', hint: 'Wait for background merges, then run again.' },
  '244': { code: 'CLICKHOUSE_KEEPER', kind: 'transient', hint: 'Run again when Keeper answers.' },
  '225': {
    code: 'CLICKHOUSE_KEEPER',
    kind: 'config',
    hint: 'The server has no Keeper, which a replicated database needs: see its configuration.',
  },
  '254': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '279': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '285': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '286': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '289': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '341': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '342': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '372': {
    code: 'CLICKHOUSE_REPLICAS',
    kind: 'transient',
    hint: 'The load balancer never sent two requests to one replica: give it sticky sessions, or the address of one replica.',
  },
  '373': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: 'Run again.' },
  '517': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '529': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '571': { code: 'CLICKHOUSE_REPLICAS', kind: 'transient', hint: REPLICAS },
  '319': { code: 'CLICKHOUSE_STATUS_UNKNOWN', kind: 'transient', hint: 'Run again.' },
  '999': { code: 'CLICKHOUSE_KEEPER', kind: 'transient', hint: 'Run again when Keeper answers.' },
};

export const TABLE_EXISTS = '57';
export const UNKNOWN_TABLE = '60';

/** How a statement fails whose table is dropped while it is carried out: unknown, without files, without a definition. */
const TABLE_GONE: ReadonlySet<string | undefined> = new Set([UNKNOWN_TABLE, '107', '390']);

export function mayBeGone(error: unknown): boolean {
  return TABLE_GONE.has(serverCode(error));
}
export const INCOMPATIBLE_COLUMNS = '122';
export const NOT_PERMITTED = '497';
export const SESSION_NOT_FOUND = '372';

/** The numeric code of a ClickHouse error, or `undefined` when the server did not answer with one. */
export function serverCode(error: unknown): string | undefined {
  const cause = EtlError.isInstance(error) ? error.cause : error;
  if (typeof cause !== 'object' || cause === null) return undefined;
  const { code, type } = cause as { code?: unknown; type?: unknown };
  return typeof code === 'string' && /^\d+$/.test(code) && type !== undefined ? code : undefined;
}

/**
 * Maps what the client throws; aborts pass as they are. What stands in quotes is left out, since it may be a
 * cell: the server repeats values that it cannot read. `isOwnQuery` keeps it for whoever wrote the query. An address
 * that `wasReached` before is right, whatever the network says of it now.
 */
export function clickHouseError(
  error: unknown,
  target: string,
  { isOwnQuery = false, wasReached = false }: { readonly isOwnQuery?: boolean; readonly wasReached?: boolean } = {},
): unknown {
  if (EtlError.isInstance(error) || isAbort(error)) return error;
  const code = serverCode(error);
  const line = firstLine(error);
  const message = (isOwnQuery ? line : withoutQuoted(line)).slice(0, 300);
  if (code !== undefined) {
    const meaning = SERVER_CODES[code];
    return new EtlError({
      code: meaning?.code ?? 'CLICKHOUSE_STATEMENT_FAILED',
      kind: meaning?.kind ?? 'internal',
      message: `ClickHouse (${target}) refused a statement: ${message} (code ${code}).`,
      hint: meaning?.hint,
      context: { server_code: Number(code) },
      cause: error,
    });
  }
  if (!wasReached && isHostUnknown(error)) {
    return new EtlError({
      code: 'CLICKHOUSE_HOST_UNKNOWN',
      kind: 'config',
      message: `ClickHouse (${target}): the name of the host cannot be resolved.`,
      hint: 'Correct the host in the address of the destination.',
      cause: error,
    });
  }
  if (!wasReached && isOtherScheme(error)) {
    return new EtlError({
      code: 'CLICKHOUSE_URL_INVALID',
      kind: 'config',
      message: `ClickHouse (${target}) does not speak TLS, which https:// asks for.`,
      hint: 'Write http:// in the address of the destination, or the port for https, usually 8443.',
      cause: error,
    });
  }
  if (isNetwork(error)) {
    return new EtlError({
      code: 'CLICKHOUSE_UNREACHABLE',
      kind: 'transient',
      message: `ClickHouse (${target}) does not answer: ${message}.`,
      hint: 'Check that the server runs and that its address is right, then run again.',
      cause: error,
    });
  }
  return error;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function isHostUnknown(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'ENOTFOUND';
}

function isOtherScheme(error: unknown): boolean {
  return error instanceof Error && /wrong version number|packet length too long/.test(error.message);
}

// What did not come as a ClickHouse error came from the network or from a proxy in between, in more
// shapes than could be listed; only our own mistakes look different.
function isNetwork(error: unknown): boolean {
  return (
    error instanceof Error &&
    !(error instanceof TypeError) &&
    !(error instanceof RangeError) &&
    !(error instanceof SyntaxError)
  );
}

function firstLine(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return firstLine(error.errors[0]);
  const text =
    error instanceof Error ? error.message || ((error as NodeJS.ErrnoException).code ?? error.name) : String(error);
  return (text.split('\n')[0] ?? '').replace(/\.\s*$/, '');
}

function withoutQuoted(line: string): string {
  return line.replaceAll(/'[^']*'?/g, "'…'");
}
