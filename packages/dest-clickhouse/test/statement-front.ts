import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SentStatement {
  readonly query: string;
  /** What was sent next to the statement, in order of the names. */
  readonly settings: string;
}

export interface StatementFront extends AsyncDisposable {
  readonly url: string;
  readonly sent: readonly SentStatement[];
}

interface FrontOptions {
  /** What is sent on in the place of a statement. */
  readonly rewrite: (query: string) => string;
  /** So often a statement in a session comes to a replica that does not know the session. */
  readonly sessionsLost?: number;
}

/** Stands in front of a server's HTTP interface, remembers every statement and may change it on its way. */
export async function startStatementFront(target: string, options: FrontOptions): Promise<StatementFront> {
  const sent: SentStatement[] = [];
  let left = options.sessionsLost ?? 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? '/', target);
    const inUrl = url.searchParams.get('query');
    const query = inUrl ?? body.toString('utf8');
    if (url.searchParams.get('session_check') === '1' && left > 0) {
      left -= 1;
      response.writeHead(404, { 'X-ClickHouse-Exception-Code': '372' });
      response.end('Code: 372. DB::Exception: Session not found. (SESSION_NOT_FOUND)');
      return;
    }
    sent.push({ query, settings: settingsOf(url) });
    const rewritten = options.rewrite(query);
    if (inUrl !== null) url.searchParams.set('query', rewritten);
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: request.headers.authorization ?? '' },
      body: inUrl === null ? rewritten : body,
    });
    const headers = [...answer.headers].filter(([name]) => name.startsWith('x-clickhouse'));
    response.writeHead(answer.status, Object.fromEntries(headers)).end(Buffer.from(await answer.arrayBuffer()));
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const OF_THE_CLIENT = new Set(['query', 'default_format', 'query_id', 'enable_http_compression']);

function settingsOf(url: URL): string {
  return [...url.searchParams]
    .filter(([name]) => !OF_THE_CLIENT.has(name))
    .map(([name, value]) => `${name}=${name === 'session_id' ? '…' : value}`)
    .toSorted()
    .join(' ');
}
