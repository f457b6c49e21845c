import { ClickHouseLogLevel, createClient, type ClickHouseClient } from '@clickhouse/client';
import type { OperationOptions } from '@etl/core';
import { EtlError } from '@etl/core/errors';
import { Connection } from './connection.ts';
import type { ResolvedOptions } from './options.ts';

/** Two statements a lane, of more lanes than anybody reads at once. */
const MAX_SOCKETS = 16;

/** Opens a connection to the server or to the embedded database, waiting for the latter's turn. */
export async function openConnection(
  options: ResolvedOptions,
  operation: OperationOptions & { readonly waitMs?: number | undefined } = {},
): Promise<Connection> {
  if (options.path !== undefined) {
    const { openEmbedded } = await import('./embedded.ts');
    return openEmbedded(options.path, options.retryWaitMs, operation.waitMs ?? options.lockWaitMs, operation);
  }
  const url = new URL(options.url ?? '');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new EtlError({
      code: 'CLICKHOUSE_URL_INVALID',
      kind: 'config',
      message: `The ClickHouse address starts with ${url.protocol}//, but its HTTP interface is needed.`,
      hint: 'Give an http:// or https:// address, usually with port 8123 or 8443.',
    });
  }
  const credential = (given: string | undefined, inUrl: string): string | undefined =>
    given ?? (inUrl === '' ? undefined : decoded(inUrl));
  const username = credential(options.username, url.username);
  const password = credential(options.password, url.password);
  const connect = (sockets: number): ClickHouseClient =>
    createClient({
      url: `${url.protocol}//${url.host}`,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      application: 'etl',
      request_timeout: options.requestTimeoutMs,
      max_open_connections: sockets,
      keep_alive: { enabled: true, idle_socket_ttl: 2000, eagerly_destroy_stale_sockets: true },
      ...(compresses(options.compression, url.hostname)
        ? { compression: { request: { codec: 'zstd', level: 1 } } }
        : {}),
      log: { level: ClickHouseLogLevel.OFF },
    });
  return new Connection(connect(MAX_SOCKETS), {
    target: url.host,
    // A sign of life must not wait behind the inserts of a slow server.
    aside: connect(1),
    isEmbedded: false,
    retryWaitMs: options.retryWaitMs,
    close: async () => undefined,
  });
}

function compresses(compression: ResolvedOptions['compression'], host: string): boolean {
  if (compression !== 'auto') return compression === 'zstd';
  return host !== 'localhost' && host !== '[::1]' && !host.startsWith('127.');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new EtlError({
      code: 'CLICKHOUSE_URL_INVALID',
      kind: 'config',
      message: 'The user or the password in the ClickHouse address is not percent-encoded.',
      hint: 'Write % as %25 in the address, or give user and password apart from it.',
    });
  }
}
