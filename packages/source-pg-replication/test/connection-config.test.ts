import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectionConfig } from '../src/connection-config.ts';

const base = 'postgres://me:s%20ecret@db.example:6432/shop';
let directory: string;
let root: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etl-tls-'));
  root = join(directory, 'root.crt');
  await writeFile(root, 'CERTIFICATE');
});
afterAll(async () => rm(directory, { recursive: true }));

function described(query: string): string[] {
  return connectionConfig(`${base}${query}`).tls.map((tls) => {
    if (tls === false) return 'plain';
    const chain = tls.rejectUnauthorized === true ? 'chain' : 'unchecked';
    const host = tls.rejectUnauthorized === true && tls.checkServerIdentity?.('other', {} as never) !== undefined;
    return [chain, ...(host ? ['host'] : []), ...(tls.ca === undefined ? [] : ['own authority'])].join(' ');
  });
}

test('sslmode means what it means to libpq', () => {
  expect(described('')).toEqual(['unchecked', 'plain']);
  expect(described('?sslmode=disable')).toEqual(['plain']);
  expect(described('?sslmode=prefer')).toEqual(['unchecked', 'plain']);
  expect(described('?sslmode=require')).toEqual(['unchecked']);
  expect(described(`?sslmode=require&sslrootcert=${root}`)).toEqual(['chain own authority']);
  expect(described(`?sslmode=verify-ca&sslrootcert=${root}`)).toEqual(['chain own authority']);
  expect(described('?sslmode=verify-ca')).toEqual(['chain host']);
  expect(described('?sslmode=verify-full')).toEqual(['chain host']);
  expect(described(`?sslmode=verify-full&sslrootcert=${root}`)).toEqual(['chain host own authority']);
});

test('keeps the rest of the URL and names only host, port and database', () => {
  const config = connectionConfig(`${base}?sslmode=require&connect_timeout=5`);
  expect(config.connectionString).toBe(`${base}?connect_timeout=5`);
  expect(config.label).toBe('db.example:6432/shop');
});

test.each([
  'host=x password=hidden',
  'mysql://me:hidden@x/y',
  'postgres://me:hidden@x:notaport/y',
  // The password is s3cr@hidden/hidden.
  'postgres://me:s3cr@hidden/hidden@x:5432/y',
  `${base}?sslmode=hidden`,
])('refuses a string that is no such URL without repeating it', (text) => {
  let message = '';
  try {
    connectionConfig(text);
  } catch (error) {
    message = JSON.stringify(error, Object.getOwnPropertyNames(error));
  }
  expect(message).toContain('PG_CONNECTION_STRING_INVALID');
  expect(message).not.toContain('hidden');
});
