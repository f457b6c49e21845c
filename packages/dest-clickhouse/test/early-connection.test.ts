import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clickhouse } from '@etl/dest-clickhouse';

async function serverWith(answer: RequestListener) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    destination: clickhouse({ url: `http://127.0.0.1:${port}`, database: 'early' }),
    requests: () => requests,
    requested: once(server, 'request'),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const tooOld: RequestListener = (_, response) => void response.end('{"version":"24.1.1.1"}\n');
const silent: RequestListener = () => undefined;

test('asks before it is opened, and opening asks no second time', async () => {
  await using server = await serverWith(tooOld);
  server.destination.connect?.();
  await server.requested;
  await expect(server.destination.open('pg_shop')).rejects.toMatchObject({ code: 'CLICKHOUSE_TOO_OLD' });
  expect(server.requests()).toBe(1);
  await server.destination[Symbol.asyncDispose]();
});

test('what went wrong ahead is told once, and the next call tries anew', async () => {
  await using server = await serverWith(tooOld);
  server.destination.connect?.();
  await expect(server.destination.open('pg_shop')).rejects.toMatchObject({ code: 'CLICKHOUSE_TOO_OLD' });
  await expect(server.destination.check()).rejects.toMatchObject({ code: 'CLICKHOUSE_TOO_OLD' });
  expect(server.requests()).toBe(2);
  await server.destination[Symbol.asyncDispose]();
});

test('connecting twice is connecting once', async () => {
  await using server = await serverWith(tooOld);
  server.destination.connect?.();
  server.destination.connect?.();
  await expect(server.destination.open('pg_shop')).rejects.toMatchObject({ code: 'CLICKHOUSE_TOO_OLD' });
  expect(server.requests()).toBe(1);
  await server.destination[Symbol.asyncDispose]();
});

test('whoever opens it may give up a connection that was begun before', async () => {
  await using server = await serverWith(silent);
  const stop = new AbortController();
  server.destination.connect?.();
  await server.requested;
  const opened = server.destination.open('pg_shop', { signal: stop.signal });
  stop.abort(new Error('stopped by somebody'));
  await expect(opened).rejects.toThrow('stopped by somebody');
  await server.destination[Symbol.asyncDispose]();
});

test('is closed although the server never answers', async () => {
  await using server = await serverWith(silent);
  server.destination.connect?.();
  await server.requested;
  await expect(server.destination[Symbol.asyncDispose]()).resolves.toBeUndefined();
});

test('an embedded database is not made by it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'etl-early-'));
  const destination = clickhouse({ path: join(directory, 'db'), database: 'early' });
  destination.connect?.();
  await destination[Symbol.asyncDispose]();
  expect(existsSync(join(directory, 'db'))).toBe(false);
  await rm(directory, { recursive: true });
});
