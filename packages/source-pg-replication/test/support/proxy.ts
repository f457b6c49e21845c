import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { FrameScanner } from '../../src/frame-scanner.ts';

/** What becomes of a frame that the server sends: the chunks in which it goes on. */
export type Passing = (frame: Buffer) => readonly Buffer[];

/** Stands between client and server and does to the server's frames what a test wants. Without TLS. */
export class Proxy implements AsyncDisposable {
  passing: Passing = (frame) => [frame];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, host);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          client.destroy();
          server.destroy();
        });
      }
      client.on('data', (chunk) => server.write(chunk));
      const scanner = new FrameScanner();
      server.on('data', (chunk) => {
        scanner.push(Buffer.from(chunk));
        while (scanner.next()) {
          const frame = Buffer.from(scanner.buffer.subarray(scanner.start - 5, scanner.end));
          for (const piece of this.passing(frame)) client.write(piece);
        }
      });
    });
  }

  static async before(url: string): Promise<Proxy & { readonly url: string }> {
    const target = new URL(url);
    const proxy = new Proxy(target.hostname, Number(target.port));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    target.hostname = '127.0.0.1';
    target.port = String((proxy.#server.address() as AddressInfo).port);
    target.searchParams.set('sslmode', 'disable');
    return Object.assign(proxy, { url: target.toString() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
