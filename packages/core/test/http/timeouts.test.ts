import { expect, it } from 'vitest';
import { createHttpClient, Pacer } from '../../src/http/index.ts';
import { FakeClock } from './fake-clock.ts';
import { rejection, sendJson, TestServer } from './test-server.ts';

const retry = { attempts: 1 };

it('gives up when the first byte does not come', async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start(() => undefined);
  const http = createHttpClient({ baseUrl: server.url, clock, retry, timeouts: { firstByteMs: 5000 } });
  const failure = rejection(http.json('slow'));
  await server.untilRequests(1);
  clock.advance(4999);
  expect(clock.pending).toContain(1);
  clock.advance(1);
  expect(await failure).toMatchObject({ code: 'HTTP_TIMEOUT', kind: 'transient', context: { phase: 'first byte' } });
  expect(clock.pending).toEqual([]);
});

it('tries again after a slow first byte', async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start((_, response, index) => {
    if (index === 2) sendJson(response, 'there');
  });
  const http = createHttpClient({ baseUrl: server.url, clock, random: () => 0.5, timeouts: { firstByteMs: 5000 } });
  const answer = http.json('slow');
  await server.untilRequests(1);
  clock.advance(5000);
  await clock.untilTimer(250);
  clock.advance(250);
  expect((await answer).body).toBe('there');
});

it('gives up a body that stops coming', async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start((_, response) => {
    response.writeHead(200);
    response.write('[1,');
  });
  const http = createHttpClient({ baseUrl: server.url, clock, retry, timeouts: { firstByteMs: 7000, idleMs: 3000 } });
  const failure = rejection(http.json('a'));
  await clock.untilTimer(3000);
  clock.advance(3000);
  expect(await failure).toMatchObject({ code: 'HTTP_TIMEOUT', context: { phase: 'idle' } });
});

it('gives up an attempt that trickles for ever, and one at the deadline', async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start((_, response) => {
    response.writeHead(200);
    response.write('[1,');
  });
  const http = createHttpClient({ baseUrl: server.url, clock, retry, timeouts: { attemptMs: 2000, idleMs: 40_000 } });
  const failure = rejection(http.json('a'));
  await clock.untilTimer(40_000);
  clock.advance(2000);
  expect(await failure).toMatchObject({ code: 'HTTP_TIMEOUT', context: { phase: 'attempt' } });

  const late = rejection(http.json('a', { deadline: new Date(clock.now() + 1500) }));
  await server.untilRequests(2);
  clock.advance(1500);
  expect(await late).toMatchObject({ code: 'HTTP_TIMEOUT', context: { phase: 'deadline' } });
});

it('gives up a stream that nobody reads, and frees its place', async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start((_, response) => {
    response.writeHead(200);
    response.write('begin');
  });
  const pacer = new Pacer({ name: 'app', clock, concurrency: 1 });
  const http = createHttpClient({ baseUrl: server.url, clock, retry, pacer });
  await http.stream('forgotten');
  const next = http.stream('b');
  clock.advance(60_000);
  await (await next).body.return?.();
  expect(server.requests).toHaveLength(2);
});

it('does not give up a stream because its reader is slow', async () => {
  const clock = new FakeClock();
  await using server = await TestServer.start((_, response) => {
    response.writeHead(200);
    response.write('one', () => setImmediate(() => response.end('two')));
  });
  const http = createHttpClient({ baseUrl: server.url, clock, retry });
  const { body } = await http.stream('a');
  let text = '';
  for await (const part of body) {
    text += Buffer.from(part).toString();
    clock.advance(3_600_000);
  }
  expect(text).toBe('onetwo');
  expect(clock.pending).toEqual([]);
});
