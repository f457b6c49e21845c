import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { createHttpClient, gunzip, Pacer, readCsv, type HttpClient, type HttpOptions } from '../../src/http/index.ts';
import { HastyClock } from './fake-clock.ts';
import { sendJson, TestServer, type Handler } from './test-server.ts';

async function serving(
  handler: Handler,
  options: Partial<HttpOptions> = {},
): Promise<HttpClient & AsyncDisposable & { server: TestServer }> {
  const server = await TestServer.start(handler);
  const http = createHttpClient({ baseUrl: server.url, clock: new HastyClock(), ...options });
  return { ...http, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const file = Buffer.from('day,spend\n2026-11-01,1.50\n');
const md5 = createHash('md5').update(file).digest();

it('sends and reads JSON whose long integers stay exact', async () => {
  await using http = await serving(({ body }, response) => {
    response.setHeader('content-type', 'application/json').end(body);
  });
  const sent = { id: 120210000000000123n, spend: '1.50', note: 'ö' };
  const { body, status } = await http.json('a', { method: 'POST', json: sent });
  expect([status, body]).toEqual([200, sent]);
  expect(http.server.requests[0]).toMatchObject({
    method: 'POST',
    body: '{"id":120210000000000123,"spend":"1.50","note":"ö"}',
    headers: { 'content-type': 'application/json' },
  });
});

it('reads compressed JSON, and sees when it was cut although it ended properly', async () => {
  const page = gzipSync(JSON.stringify(Array.from({ length: 5000 }, (_, index) => index * 7919)));
  await using http = await serving((_, response, index) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(index === 1 ? page : page.subarray(0, page.length / 2));
  });
  expect((await http.json('a')).body).toHaveLength(5000);
  await expect(http.json('a')).rejects.toMatchObject({ code: 'HTTP_BODY_MALFORMED', kind: 'data' });
});

it.each<[string, string | Buffer]>([
  ['a page of a proxy', '<html>hush</html>'],
  ['nothing', ''],
  ['half of it', '{"data": [1, 2'],
  ['another encoding', Buffer.from('{"a":"\u00fc"}', 'latin1')],
])('refuses %s in the place of JSON', async (_, body) => {
  await using http = await serving((_request, response) => {
    response.end(body);
  });
  await expect(http.json('a')).rejects.toMatchObject({ code: 'HTTP_BODY_MALFORMED', kind: 'data' });
});

it('knows that an answer may have no body', async () => {
  await using http = await serving((_, response) => {
    response.writeHead(204).end();
  });
  expect((await http.json('a', { method: 'DELETE' })).body).toBeUndefined();
});

it('uses its connections again', async () => {
  await using http = await serving((_, response) => {
    sendJson(response, {});
  });
  for (let index = 0; index < 12; index += 1) await http.json('a');
  expect(http.server.connections).toBeLessThanOrEqual(2);
});

it('reads no more than the limit, announced or not, compressed or not', async () => {
  await using http = await serving(({ url }, response) => {
    if (url === '/bomb') {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(2 ** 24, ' ')));
    } else if (url === '/announced') response.writeHead(200, { 'content-length': '2000000' }).flushHeaders();
    else response.writeHead(200).end(Buffer.alloc(2_000_000, ' '));
  });
  for (const target of ['plain', 'announced', 'bomb']) {
    await expect(http.json(target, { maxBodyBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'HTTP_BODY_TOO_LARGE',
      context: { attempts: 1 },
    });
  }
});

it('asks for text and files as they are, so that a cut is noticed', async () => {
  await using http = await serving(({ headers }, response) => {
    response.end(headers['accept-encoding']);
  });
  expect((await http.text('a')).body).toBe('identity');
  expect(Buffer.from((await http.bytes('a')).body).toString()).toBe('identity');
});

it('refuses a compressed file whose size and checksum nobody knows', async () => {
  const cut = gzipSync(file).subarray(0, 20);
  await using http = await serving((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(cut);
  });
  for (const read of [http.text('a'), http.bytes('a'), http.stream('a')]) {
    await expect(read).rejects.toMatchObject({ code: 'HTTP_BODY_UNVERIFIABLE' });
  }
  await expect(http.bytes('a', { expect: { bytes: file.length }, retry: { attempts: 1 } })).rejects.toMatchObject({
    code: 'HTTP_BODY_TRUNCATED',
    kind: 'transient',
  });
});

it('compares a file with the size and the checksum that the platform announced', async () => {
  await using http = await serving((_, response) => {
    response.end(file);
  });
  const wrong = md5.toString('hex').replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  for (const expected of [{ bytes: file.length }, { md5: md5.toString('hex') }, { md5: md5.toString('base64') }]) {
    expect(Buffer.from((await http.bytes('a', { expect: expected })).body)).toEqual(file);
  }
  const read = async (expected: { bytes?: number; md5?: string }): Promise<number> => {
    let bytes = 0;
    for await (const part of (await http.stream('a', { expect: expected })).body) bytes += part.length;
    return bytes;
  };
  expect(await read({ bytes: file.length, md5: md5.toString('hex') })).toBe(file.length);
  await expect(read({ bytes: file.length + 1 })).rejects.toMatchObject({ code: 'HTTP_BODY_TRUNCATED' });
  await expect(read({ bytes: file.length - 1 })).rejects.toMatchObject({ code: 'HTTP_BODY_CORRUPT' });
  await expect(read({ md5: wrong })).rejects.toMatchObject({ code: 'HTTP_BODY_CORRUPT', kind: 'transient' });
});

it('reads a file again that came damaged', async () => {
  await using http = await serving((_, response, index) => {
    response.end(index === 1 ? file.subarray(1) : file);
  });
  const { body } = await http.bytes('a', { expect: { md5: md5.toString('base64') } });
  expect(Buffer.from(body)).toEqual(file);
});

it('streams a compressed CSV file into records', async () => {
  const rows = Array.from({ length: 20_000 }, (_, index) => `2026-11-01,${index}`);
  await using http = await serving((_, response) => {
    response.writeHead(200, { 'content-type': 'application/a-gzip' }).end(gzipSync(`day,n\n${rows.join('\n')}\n`));
  });
  let sum = 0;
  for await (const record of readCsv(gunzip((await http.stream('a')).body), { columns: ['n'] }))
    sum += Number(record['n']);
  expect(sum).toBe((20_000 * 19_999) / 2);
});

it('fails a stream that breaks off, as a transient error, and does not begin it anew', async () => {
  await using http = await serving((_, response) => {
    response.write('day,spend\n', () => response.socket?.resetAndDestroy());
  });
  const read = async (): Promise<void> => {
    for await (const part of (await http.stream('a')).body) expect(part.length).toBe(10);
  };
  await expect(read()).rejects.toMatchObject({ code: 'HTTP_CONNECTION_FAILED', kind: 'transient' });
  expect(http.server.requests).toHaveLength(1);
});

it('retries a stream until it begins, and gives its place back in between', async () => {
  const pacer = new Pacer({ name: 'app', concurrency: 1 });
  await using http = await serving(
    (_, response, index) => {
      response.writeHead(index === 1 ? 503 : 200).end('x');
    },
    { pacer },
  );
  const { body } = await http.stream('a');
  expect((await body.next()).value).toEqual(new Uint8Array([120]));
  expect(await body.next()).toEqual({ done: true, value: undefined });
  (await pacer.acquire())();
});

it('closes the connection of a body that it does not read on', async () => {
  let closed = 0;
  await using http = await serving(
    (_, response, index) => {
      response.on('close', () => (closed += 1));
      response.writeHead(index === 1 ? 200 : 400).write('x'.repeat(100_000));
    },
    { maxBodyBytes: 1000 },
  );
  await expect(http.json('a')).rejects.toMatchObject({ code: 'HTTP_BODY_TOO_LARGE' });
  await expect(http.json('a')).rejects.toMatchObject({ code: 'HTTP_REJECTED' });
  await expect.poll(() => closed).toBe(2);
});

it('aborts a stream with the reason of the signal', async () => {
  await using http = await serving((_, response) => {
    response.write('x');
  });
  const controller = new AbortController();
  const { body } = await http.stream('a', { signal: controller.signal });
  await body.next();
  const next = body.next();
  const reason = new Error('stopped');
  controller.abort(reason);
  await expect(next).rejects.toBe(reason);
});

it('has no more requests under way than the pacer allows, streams to their end included', async () => {
  const open: (() => void)[] = [];
  let most = 0;
  const pacer = new Pacer({ name: 'app', concurrency: 2 });
  await using http = await serving(
    ({ url }, response) => {
      open.push(() => {
        sendJson(response, {});
      });
      most = Math.max(most, open.length);
      if (open.length === 2 || url === '/alone') for (const answer of open.splice(0)) answer();
    },
    { pacer },
  );
  await Promise.all(Array.from({ length: 8 }, (_, index) => http.json(String(index))));
  expect(most).toBe(2);

  const [first, second] = await Promise.all([http.stream('a'), http.stream('b')]);
  let hasPlace = false;
  const place = pacer.acquire().then((leave) => {
    hasPlace = true;
    return leave;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(hasPlace).toBe(false);
  for await (const part of first.body) expect(part.length).toBe(2);
  (await place)();
  await second.body.return?.();
});

it('reads the usage that a platform tells, and paces by it', async () => {
  const pacer = new Pacer({ name: 'act_42', clock: new HastyClock() });
  await using http = await serving(
    (_, response) => {
      sendJson(response, {}, 200, { 'x-app-usage': '{"call_count":100}' });
    },
    {
      pacer,
      readUsage: (headers) => {
        const usage = JSON.parse(headers.get('x-app-usage') ?? '{"call_count":0}') as { call_count: number };
        return { usedRatio: usage.call_count / 100, regainMs: 600_000 };
      },
    },
  );
  await http.json('a');
  await expect(http.json('a')).rejects.toMatchObject({ code: 'HTTP_QUOTA_USED', retryAfterMs: 600_000 });
  expect(http.server.requests).toHaveLength(1);
});
