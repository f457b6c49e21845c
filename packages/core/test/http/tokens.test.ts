import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, exportJWK, jwtVerify } from 'jose';
import { expect, it } from 'vitest';
import { EtlError } from '../../src/index.ts';
import {
  bearer,
  CachedToken,
  clientCredentials,
  createHttpClient,
  refreshToken,
  selfSignedToken,
  serviceAccount,
  signJwt,
} from '../../src/http/index.ts';
import { FakeClock, HastyClock } from './fake-clock.ts';
import { rejection, sendJson, TestServer } from './test-server.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;

/** A server that gives a new token each time. */
const issuing = (lifetimeS = 3600): Promise<TestServer> =>
  TestServer.start((_, response, index) => {
    sendJson(response, { access_token: `token-${index}`, token_type: 'Bearer', expires_in: lifetimeS });
  });
const form = (server: TestServer, index = 0): unknown =>
  Object.fromEntries(new URLSearchParams(server.requests[index]?.body));

it('gets a token for a client, once for all who ask at the same time', async () => {
  await using server = await issuing();
  const clock = new FakeClock();
  const provider = clientCredentials({
    tokenUrl: `${server.url}/token`,
    clientId: 'me',
    clientSecret: 'hush',
    scopes: ['read', 'list'],
    clock,
  });
  const tokens = await Promise.all(Array.from({ length: 20 }, () => provider.token()));
  expect(new Set(tokens)).toEqual(new Set(['token-1']));
  expect(form(server)).toEqual({
    grant_type: 'client_credentials',
    client_id: 'me',
    client_secret: 'hush',
    scope: 'read list',
  });
  expect(server.requests).toHaveLength(1);
  expect(server.requests[0]).toMatchObject({ method: 'POST', url: '/token' });

  clock.advance(3_600_000 - 120_001);
  expect(await provider.token()).toBe('token-1');
  clock.advance(1);
  expect(await provider.token()).toBe('token-2');
});

it('lets one caller’s abort not end the refresh of the others', async () => {
  let answer: () => void = () => undefined;
  await using server = await TestServer.start((_, response) => {
    answer = () => {
      sendJson(response, { access_token: 'shared', expires_in: 3600 });
    };
  });
  const provider = clientCredentials({ tokenUrl: server.url, clientId: 'a', clientSecret: 'hush' });
  const controller = new AbortController();
  const impatient = rejection(provider.token({ signal: controller.signal }));
  const patient = provider.token();
  await server.untilRequests(1);
  controller.abort(new Error('stop'));
  expect(await impatient).toEqual(new Error('stop'));
  answer();
  expect(await patient).toBe('shared');
});

it('ends a refresh that nobody waits for any more, and begins a new one', async () => {
  let closed = 0;
  await using server = await TestServer.start((_, response, index) => {
    response.on('close', () => (closed += 1));
    if (index === 2) sendJson(response, { access_token: 'second', expires_in: 60 });
  });
  const provider = clientCredentials({ tokenUrl: server.url, clientId: 'a', clientSecret: 'hush' });
  const controller = new AbortController();
  const only = rejection(provider.token({ signal: controller.signal }));
  await server.untilRequests(1);
  controller.abort(new Error('stop'));
  await only;
  await expect.poll(() => closed).toBe(1);
  expect(await provider.token()).toBe('second');
});

it('uses a token to its end when it cannot be renewed early', async () => {
  const clock = new HastyClock();
  await using server = await TestServer.start((_, response, index) => {
    if (index === 1) sendJson(response, { access_token: 'first', expires_in: '100' });
    else sendJson(response, {}, 503);
  });
  const provider = clientCredentials({
    tokenUrl: server.url,
    clientId: 'a',
    clientSecret: 'hush',
    clock,
    random: () => 0,
  });
  expect(await provider.token()).toBe('first');
  expect(await provider.token()).toBe('first');
  expect(server.requests).toHaveLength(5);
});

it('refreshes for a user, and goes on with a refresh token that was replaced', async () => {
  const rotated: string[] = [];
  await using server = await TestServer.start((_, response, index) => {
    sendJson(response, { access_token: `a${index}`, expires_in: 3600, refresh_token: `r${index}` });
  });
  const provider = refreshToken({
    tokenUrl: server.url,
    clientId: 'me',
    clientSecret: 'hush',
    refreshToken: 'r0',
    onRotate: (token) => rotated.push(token),
  });
  provider.invalidate(await provider.token());
  expect(await provider.token()).toBe('a2');
  expect(form(server, 0)).toMatchObject({ grant_type: 'refresh_token', refresh_token: 'r0' });
  expect(form(server, 1)).toMatchObject({ refresh_token: 'r1' });
  expect(rotated).toEqual(['r1', 'r2']);
});

it('signs an assertion for a service account that others can verify', async () => {
  await using server = await issuing();
  const clock = new FakeClock();
  const provider = serviceAccount({
    tokenUrl: `${server.url}/token`,
    clientEmail: 'robot@project.example',
    privateKey: pem(rsa.privateKey),
    privateKeyId: 'k1',
    scopes: ['https://scopes.example/analytics', 'https://scopes.example/storage'],
    clock,
  });
  expect(await provider.token()).toBe('token-1');
  const { assertion, grant_type } = form(server) as { assertion: string; grant_type: string };
  expect(grant_type).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
  const { payload, protectedHeader } = await jwtVerify(assertion, rsa.publicKey, {
    currentDate: new Date(clock.now()),
  });
  expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' });
  expect(payload).toEqual({
    iss: 'robot@project.example',
    scope: 'https://scopes.example/analytics https://scopes.example/storage',
    aud: `${server.url}/token`,
    iat: clock.now() / 1000,
    exp: clock.now() / 1000 + 3600,
  });
});

it('signs tokens of its own, as App Store Connect takes them, and renews them in time', async () => {
  const clock = new FakeClock();
  const provider = selfSignedToken({
    algorithm: 'ES256',
    privateKey: pem(ec.privateKey),
    keyId: '2X9R4HXF34',
    claims: { iss: 'issuer', aud: 'appstoreconnect-v1' },
    lifetimeMs: 19 * 60_000,
    clock,
  });
  const token = await provider.token();
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(ec.publicKey)), kid: '2X9R4HXF34', alg: 'ES256' }] });
  const options = { audience: 'appstoreconnect-v1', issuer: 'issuer', maxTokenAge: '20m' };
  const { protectedHeader } = await jwtVerify(token, keys, { ...options, currentDate: new Date(clock.now()) });
  expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'JWT', kid: '2X9R4HXF34' });
  clock.advance(16 * 60_000);
  expect(await provider.token()).toBe(token);
  clock.advance(60_000);
  const renewed = await provider.token();
  expect(renewed).not.toBe(token);
  await jwtVerify(renewed, keys, { ...options, currentDate: new Date(clock.now()) });
});

it.each([
  ['no key', 'RS256', 'hush-hush'],
  ['half a key', 'RS256', pem(rsa.privateKey).slice(0, 300)],
  ['an RSA key for ES256', 'ES256', pem(rsa.privateKey)],
  ['an EC key for RS256', 'RS256', pem(ec.privateKey)],
  ['another curve', 'ES256', pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)],
] as const)('refuses %s without showing it', (_, algorithm, privateKey) => {
  let error: unknown;
  try {
    signJwt({ algorithm, privateKey, claims: {} });
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ code: 'JWT_KEY_INVALID', kind: 'config' });
  expect((error as Error).cause).toBeUndefined();
});

it.each([
  [400, { error: 'invalid_grant', error_description: 'Token hush has been revoked.' }, 'OAUTH_GRANT_INVALID', 'auth'],
  [401, { error: 'invalid_client' }, 'OAUTH_CLIENT_REFUSED', 'auth'],
  [400, { error: 'invalid_scope' }, 'OAUTH_REQUEST_REJECTED', 'config'],
  [200, { access_token: '' }, 'OAUTH_TOKEN_MISSING', 'auth'],
  [200, { token: 'hush' }, 'OAUTH_TOKEN_MISSING', 'auth'],
  [200, [], 'OAUTH_TOKEN_MISSING', 'auth'],
  [403, 'nothing known', 'HTTP_FORBIDDEN', 'permission'],
])('says what a token server means by %i %j', async (status, body, code, kind) => {
  await using server = await TestServer.start((_, response) => {
    sendJson(response, body, status);
  });
  const error = await rejection(
    refreshToken({ tokenUrl: server.url, clientId: 'a', clientSecret: 'hush', refreshToken: 'hush2' }).token(),
  );
  expect(error).toMatchObject({ code, kind });
  expect(String(error)).not.toContain('hush');
  expect(server.requests).toHaveLength(1);
});

it('asks with a new token once when the platform refuses one, and not twice', async () => {
  await using tokens = await issuing();
  await using server = await TestServer.start(({ headers, url }, response) => {
    sendJson(response, {}, url === '/never' || headers.authorization === 'Bearer token-1' ? 401 : 200);
  });
  const provider = clientCredentials({ tokenUrl: tokens.url, clientId: 'a', clientSecret: 'hush' });
  const http = createHttpClient({ baseUrl: server.url, authorization: bearer(provider) });
  await http.json('a', { method: 'POST' });
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
  await expect(http.json('never')).rejects.toMatchObject({ code: 'HTTP_UNAUTHORIZED', context: { attempts: 2 } });
  expect(server.requests).toHaveLength(4);
  expect(tokens.requests).toHaveLength(3);
});

it('does not retry for a token what the token’s own requests have retried', async () => {
  await using tokens = await TestServer.start((_, response) => {
    sendJson(response, {}, 500);
  });
  await using server = await issuing();
  const clock = new HastyClock();
  const provider = clientCredentials({ tokenUrl: tokens.url, clientId: 'a', clientSecret: 'hush', clock });
  const http = createHttpClient({ baseUrl: server.url, authorization: bearer(provider), clock });
  await expect(http.json('a')).rejects.toMatchObject({ code: 'HTTP_SERVER_FAILED' });
  expect([tokens.requests.length, server.requests.length]).toEqual([4, 0]);
});

it('waits for a token no longer than until the deadline', async () => {
  await using tokens = await TestServer.start(() => undefined);
  const clock = new FakeClock();
  const provider = clientCredentials({ tokenUrl: tokens.url, clientId: 'a', clientSecret: 'hush', clock });
  const http = createHttpClient({ baseUrl: 'http://127.0.0.1:9', authorization: bearer(provider), clock });
  const failure = rejection(http.json('a', { deadline: new Date(clock.now() + 5000) }));
  await tokens.untilRequests(1);
  clock.advance(5000);
  expect(await failure).toMatchObject({ code: 'HTTP_TIMEOUT', kind: 'transient', context: { phase: 'deadline' } });
  expect(clock.pending).toEqual([]);
});

it('shows no token when it is written out', async () => {
  const issue = (): Promise<{ token: string; expiresAt: number }> =>
    Promise.resolve({ token: 'hush', expiresAt: Infinity });
  const provider = new CachedToken({ issue });
  expect(await provider.token()).toBe('hush');
  expect(JSON.stringify({ provider })).not.toContain('hush');
  expect(EtlError.isInstance(provider)).toBe(false);
});
