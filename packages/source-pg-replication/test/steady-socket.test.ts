import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { SteadySocket } from '../src/steady-socket.ts';

/** A socket and what is at its other end. */
async function connected(): Promise<{
  readonly socket: SteadySocket;
  readonly peer: Socket;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const socket = new SteadySocket();
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = await accepted;
  return {
    socket,
    peer,
    async [Symbol.asyncDispose]() {
      socket.destroy();
      peer.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const bytes = Buffer.from(Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 31) % 251));

test('is a socket as any other at first: what is read stays as it was', async () => {
  await using pair = await connected();
  const chunks: Buffer[] = [];
  pair.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  pair.peer.end(bytes);
  await once(pair.socket, 'end');
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
});

test('reads into the same memory, and only when it is asked to', async () => {
  await using pair = await connected();
  const found: Buffer[] = [];
  const memories = new Set<ArrayBufferLike>();
  let length = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  let given = 0;
  pair.socket.pause();
  pair.socket.readWith((chunk) => {
    given += 1;
    expect(given).toBe(asked);
    memories.add(chunk.buffer);
    found.push(Buffer.from(chunk));
    length += chunk.length;
    if (length === bytes.length) resolve();
    else
      setImmediate(() => {
        asked += 1;
        pair.socket.resume();
      });
  });
  pair.peer.write(bytes);
  asked += 1;
  pair.socket.resume();
  await promise;
  expect(Buffer.concat(found).equals(bytes)).toBe(true);
  expect(memories.size).toBe(1);
});

test('is a socket as any other again afterwards', async () => {
  await using pair = await connected();
  const taken = Promise.withResolvers<string>();
  pair.socket.readWith((chunk) => {
    taken.resolve(chunk.toString());
  });
  pair.socket.resume();
  pair.peer.write('first');
  expect(await taken.promise).toBe('first');
  pair.socket.readWith(undefined);
  const next = once(pair.socket, 'data') as Promise<[Buffer]>;
  pair.socket.resume();
  pair.peer.write('second');
  expect(String((await next)[0])).toBe('second');
});
