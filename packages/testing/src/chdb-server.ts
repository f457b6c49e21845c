import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { ChdbSessionPool, type ChdbSession } from './chdb-session-pool.ts';

/** How the server answers one request: as it should, or as a bad network would. */
export type ChdbFault =
  /** The statement is carried out, its answer never arrives. */
  | 'lose-answer'
  /** The statement is not carried out. */
  | 'refuse'
  | 'unavailable';

export type ChooseFault = (query: string) => ChdbFault | undefined | Promise<ChdbFault | undefined>;

export interface ChdbServerOptions {
  readonly path: string;
  readonly username: string;
  readonly password: string;
  /** The engine's own configuration file: users and their rights, Keeper. The first server of a process decides. */
  readonly configFile?: string | undefined;
  /** Chooses a fault per statement; `undefined` for none. The statement waits until it has answered. */
  readonly fault?: ChooseFault | undefined;
  /** Statements that are carried out at the same time; later ones wait for their turn. 8 unless given. */
  readonly concurrency?: number | undefined;
}

export interface ChdbServer extends AsyncDisposable {
  readonly url: string;
  /** Statements in the order of their arrival, without inserted data. */
  readonly queries: readonly string[];
}

/**
 * ClickHouse's HTTP interface in front of an embedded engine, with a user and a password, so that a
 * client's real wire path is used without a server.
 *
 * Statements of different requests overlap, as on a server, and no request leaves anything to the
 * next one: `SET` and `USE` are accepted without effect. Settings have to stand in the statement;
 * those in the address are not read. A client that goes away does not stop its statement.
 */
export async function startChdbServer(options: ChdbServerOptions): Promise<ChdbServer> {
  const pool = new ChdbSessionPool(options);
  const queries: string[] = [];
  const server = createServer((request, response) => {
    handle(pool, options, queries, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    queries,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await pool.close();
    },
  };
}

async function handle(
  pool: ChdbSessionPool,
  options: ChdbServerOptions,
  queries: string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const bytes = await readBody(request);
  const body = bytes.toString('utf8');
  if (url.pathname === '/ping') {
    response.end('Ok.\n');
    return;
  }
  if (!isAuthorised(request, options)) {
    const message = `Code: 516. DB::Exception: ${options.username}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`;
    response.writeHead(403, { 'X-ClickHouse-Exception-Code': '516' }).end(message);
    return;
  }
  const inUrl = url.searchParams.get('query');
  const query = inUrl ?? body;
  queries.push(query);
  const fault = await options.fault?.(query);
  if (fault === 'refuse') {
    response.destroy();
    return;
  }
  if (fault === 'unavailable') {
    response.writeHead(503).end('upstream is not there');
    return;
  }
  try {
    const statement = inUrl === null ? query : `${query.trimEnd()}\n${body}`;
    const format = url.searchParams.get('default_format') ?? 'TabSeparated';
    const isEmptyInsert = inUrl !== null && body === '' && /^\s*INSERT/i.test(query) && !/\bSELECT\b/i.test(query);
    const hasNoEffect = isEmptyInsert || /^\s*(?:SET|USE)\s/i.test(query);
    const execute = (text: string): Promise<QueryResult> => pool.use((session) => session.queryAsync(text, { format }));
    const isBinary = inUrl !== null && BINARY_INSERT.test(query);
    const result = hasNoEffect
      ? undefined
      : await (isBinary ? insertFile(options.path, query, bytes, execute) : execute(statement));
    if (fault === 'lose-answer') response.destroy();
    else
      response
        .writeHead(200, { 'X-ClickHouse-Summary': '{}' })
        .end(result === undefined ? '' : Buffer.from(result.bytes()));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = /Code: (\d+)/.exec(message)?.[1] ?? '1002';
    response.writeHead(code === '60' ? 404 : 500, { 'X-ClickHouse-Exception-Code': code }).end(message);
  }
}

function isAuthorised(request: IncomingMessage, options: ChdbServerOptions): boolean {
  const { authorization } = request.headers;
  if (authorization?.startsWith('Basic ') === true) {
    const given = Buffer.from(authorization.slice(6), 'base64').toString('utf8');
    return given === `${options.username}:${options.password}`;
  }
  return (
    request.headers['x-clickhouse-user'] === options.username &&
    request.headers['x-clickhouse-key'] === options.password
  );
}

type QueryResult = Awaited<ReturnType<ChdbSession['queryAsync']>>;

const BINARY_INSERT = /^\s*INSERT\b.*\bFORMAT\s+(?:RowBinary|Native)\s*$/is;

/** Lets the engine read the rows of an insert from a file: a statement is text, in which not every byte has a place. */
async function insertFile(
  directory: string,
  query: string,
  bytes: Buffer,
  execute: (statement: string) => Promise<QueryResult>,
): Promise<QueryResult> {
  const file = join(directory, `insert-${randomUUID()}`);
  await writeFile(file, bytes, { mode: 0o600, flag: 'wx' });
  try {
    return await execute(query.replace(/\s+(?=SETTINGS\b|FORMAT\b)/i, ` FROM INFILE '${file}' COMPRESSION 'none' `));
  } finally {
    await rm(file, { force: true });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const encoding = request.headers['content-encoding'];
  if (encoding === 'gzip') return gunzipSync(bytes);
  if (encoding === 'zstd') return zstdDecompressSync(bytes);
  return bytes;
}
