import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server asks for each request. Sends the answer itself, or destroys the connection. */
export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => Promise<void>;

export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:` and the port. */
  readonly url: string;
}

const HOST = '127.0.0.1';
const MAXIMUM_BODY_BYTES = 16 * 1024 * 1024;

/** Listens on the loopback interface; port 0 takes a free one. */
export async function startHttpServer(port: number, answer: Answer): Promise<HttpServer> {
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => answer(request, response, body))
      .catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else response.writeHead(500).end(error instanceof Error ? error.stack : String(error));
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAXIMUM_BODY_BYTES) throw new RangeError('The body of a request is too long for the sandbox.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
