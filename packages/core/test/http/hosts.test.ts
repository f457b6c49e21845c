import { expect, it } from 'vitest';
import { bearer, createHttpClient, type HttpOptions } from '../../src/http/index.ts';
import { rejection, sendJson, TestServer } from './test-server.ts';

const echo = (): Promise<TestServer> =>
  TestServer.start(({ url }, response) => {
    sendJson(response, { url });
  });
const redirecting = (location: string, status = 302): Promise<TestServer> =>
  TestServer.start(({ url }, response) => {
    if (url.startsWith('/done')) return sendJson(response, { url });
    response.writeHead(status, { location }).end('moved');
  });

function client(server: TestServer, options: Partial<HttpOptions> = {}): ReturnType<typeof createHttpClient> {
  return createHttpClient({
    baseUrl: server.url,
    authorization: bearer('hush-hush'),
    headers: { 'X-Internal-API-Key': 'secret-key' },
    query: { api_key: 'secret-parameter' },
    retry: { attempts: 1 },
    ...options,
  });
}

it('asks below the base URL, with its query and the credentials', async () => {
  await using server = await echo();
  const http = client(server, { baseUrl: `${server.url}/v24.0/` });
  await http.json('act_1/insights', { query: { fields: 'a,b', limit: 5n, after: undefined, level: ['ad', 'x'] } });
  await http.json('/me?x=1');
  await http.json('');
  await http.json(`${server.url}/v24.0/next?api_key=old&after=b`);
  expect(server.requests.map(({ url }) => url)).toEqual([
    '/v24.0/act_1/insights?api_key=secret-parameter&fields=a%2Cb&limit=5&level=ad&level=x',
    '/v24.0/me?x=1&api_key=secret-parameter',
    '/v24.0/?api_key=secret-parameter',
    '/v24.0/next?after=b&api_key=secret-parameter',
  ]);
  expect(server.requests[0]?.headers).toMatchObject({
    authorization: 'Bearer hush-hush',
    'x-internal-api-key': 'secret-key',
  });
});

it.each([
  'http://evil.example/x',
  'https://evil.example',
  'http://user:word@evil.example/',
  'ftp://evil.example/x',
  'file:///etc/passwd',
])('refuses %s', async (target) => {
  await using server = await echo();
  await expect(client(server).json(target)).rejects.toMatchObject({ code: 'HTTP_HOST_REFUSED', kind: 'data' });
  await using redirect = await redirecting(target);
  await expect(client(redirect).json('a')).rejects.toMatchObject({ code: 'HTTP_HOST_REFUSED' });
  expect([server.requests.length, redirect.requests.length]).toEqual([0, 1]);
});

it('refuses credentials put in front of its own host', async () => {
  await using server = await echo();
  const target = server.url.replace('//', '//someone:else@');
  await expect(client(server).json(target)).rejects.toMatchObject({ code: 'HTTP_HOST_REFUSED' });
});

it('takes what looks like another host for a path', async () => {
  await using server = await echo();
  await client(server).json('//evil.example/x');
  expect(server.requests[0]?.url).toBe('/evil.example/x?api_key=secret-parameter');
});

it('follows redirects within its host, with the credentials', async () => {
  await using server = await redirecting('/done?page=2');
  expect((await client(server).json('a')).body).toEqual({ url: '/done?page=2' });
  expect(server.requests[1]?.headers.authorization).toBe('Bearer hush-hush');
});

it('does not ask another host that it is redirected to', async () => {
  await using elsewhere = await echo();
  await using server = await redirecting(`${elsewhere.url}/done`);
  const error = await rejection(client(server).json('a'));
  expect(error).toMatchObject({ code: 'HTTP_HOST_REFUSED', context: { place: elsewhere.url } });
  expect(elsewhere.requests).toEqual([]);
});

it('asks an allowed host without the credentials', async () => {
  await using elsewhere = await echo();
  await using server = await redirecting(`${elsewhere.url}/done?sig=1`);
  const http = client(server, { allowedHosts: [new URL(elsewhere.url).host] });
  await http.json('a', { headers: { 'X-Own': 'secret too' } });
  await http.bytes(`${elsewhere.url}/file`);
  expect(elsewhere.requests.map(({ url }) => url)).toEqual(['/done?sig=1', '/file']);
  for (const { headers } of elsewhere.requests) {
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('x-internal-api-key');
    expect(headers).not.toHaveProperty('x-own');
  }
});

it('asks for no token when it may not send it', async () => {
  await using elsewhere = await echo();
  let asked = 0;
  const http = createHttpClient({
    baseUrl: 'https://api.example.com',
    allowedHosts: [new URL(elsewhere.url).host],
    fetch: (input, init) => fetch((input as URL).href.replace('https:', 'http:'), init),
    authorization: {
      headers: () => {
        asked += 1;
        return Promise.resolve({});
      },
    },
  });
  await http.json(elsewhere.url.replace('http:', 'https:'));
  expect([asked, elsewhere.requests.length]).toEqual([0, 1]);
});

it('allows hosts by their ending, by https and the usual port only', async () => {
  const http = createHttpClient({
    baseUrl: 'https://api.example.com',
    allowedHosts: ['*.blob.example.org', 'cdn.example.net'],
  });
  expect(http.resolve('https://a.b.blob.example.org/x').host).toBe('a.b.blob.example.org');
  expect(http.resolve('https://CDN.example.net/x#part').href).toBe('https://cdn.example.net/x');
  for (const target of [
    'https://blob.example.org.evil.example/',
    'https://evilblob.example.org/',
    'https://blob.example.org/',
    'http://a.blob.example.org/',
    'https://a.blob.example.org:8443/',
    'http://api.example.com/',
    'https://api.example.com:8443/',
  ]) {
    expect(() => http.resolve(target), target).toThrow(expect.objectContaining({ code: 'HTTP_HOST_REFUSED' }));
  }
});

it('gives up redirects that never end, and those of requests that send data', async () => {
  await using circle = await redirecting('/again');
  await expect(client(circle).json('a')).rejects.toMatchObject({ code: 'HTTP_REDIRECT_REFUSED' });
  expect(circle.requests).toHaveLength(6);
  await using moved = await redirecting('/done', 307);
  await expect(client(moved).json('a', { method: 'POST', json: {} })).rejects.toMatchObject({
    code: 'HTTP_REDIRECT_REFUSED',
  });
  expect(moved.requests).toHaveLength(1);
});

it.each(['not a url', 'ftp://example.com', 'https://user:password@example.com', ''])(
  'refuses the base URL %j without showing it',
  (baseUrl) => {
    const make = (): unknown => createHttpClient({ baseUrl });
    expect(make).toThrow(expect.objectContaining({ code: 'HTTP_BASE_URL_INVALID', kind: 'config' }));
    expect(make).not.toThrow(/password/);
  },
);
