import { once } from 'node:events';
import { Duplex } from 'node:stream';
import type { Client } from 'pg';
import { expect, test, vi } from 'vitest';
import { TAG, WireSession } from '../src/wire-session.ts';

/** A session on a socket that gives each message on its own, as one inside of TLS gives each record. */
function session(options: { readonly isCoalesced?: boolean }): { readonly wire: WireSession; readonly socket: Duplex } {
  const socket = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  const client = { connection: { stream: socket } } as unknown as Client;
  return { wire: new WireSession(client, options), socket };
}

function message(number: number): Buffer {
  const bytes = Buffer.alloc(1 + 4 + 146);
  bytes[0] = TAG.copyData;
  bytes.writeUInt32BE(bytes.length - 1, 1);
  bytes.writeUInt32BE(number, 5);
  return bytes;
}

test.each([[{ isCoalesced: true }], [{}]])('reads many small records at a time (%o)', async (options) => {
  const { wire, socket } = session(options);
  const fill = vi.spyOn(wire, 'fill');
  const COUNT = 20_000;
  let sent = 0;
  const send = setInterval(() => {
    for (let some = 0; some < 500 && sent < COUNT; some += 1) socket.push(message((sent += 1)));
  }, 1);
  for (let number = 1; number <= COUNT; number += 1) {
    await wire.next();
    expect(wire.scanner.buffer.readUInt32BE(wire.scanner.start)).toBe(number);
  }
  clearInterval(send);
  expect(fill.mock.calls.length).toBeLessThan(COUNT / 20);
  wire.destroy();
});

test('reads no more than so much that nobody has asked for', async () => {
  const { wire, socket } = session({ isCoalesced: true });
  socket.push(message(1));
  await wire.next();
  while (socket.push(Buffer.alloc(64 * 1024))) await new Promise((resolve) => setImmediate(resolve));
  for (let count = 0; count < 100; count += 1) socket.push(Buffer.alloc(64 * 1024));
  await new Promise((resolve) => setImmediate(resolve));
  expect(socket.readableLength).toBeGreaterThan(5_000_000);
  wire.destroy();
});

test('knows a connection that was lost before it was given to it', async () => {
  const socket = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  socket.destroy();
  await once(socket, 'close');
  const wire = new WireSession({ connection: { stream: socket } } as unknown as Client);
  wire.query('SELECT 1');
  await expect(wire.nextAnswer()).rejects.toThrow('terminated');
});

test('says what the connection failed with, after what had come', async () => {
  const { wire, socket } = session({ isCoalesced: true });
  socket.push(message(1));
  socket.push(message(2));
  await wire.next();
  socket.destroy(new Error('reset'));
  await wire.next();
  await expect(wire.next()).rejects.toThrow('reset');
});
