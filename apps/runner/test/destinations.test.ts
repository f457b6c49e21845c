import { join } from 'node:path';
import { EtlError } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { demoDestination, resolveDestination } from '../src/destinations.ts';
import { Redactor } from '../src/redactor.ts';

function resolved(name: string, env: Record<string, string>, embedded?: boolean) {
  return resolveDestination(name, { env, redactor: new Redactor(), embedded });
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return EtlError.isInstance(error) ? error.code : String(error);
  }
}

describe('destinations by name', () => {
  test('each has its own variables and its own database', () => {
    const env = {
      CLICKHOUSE_URL: 'http://a.example:8123',
      CLICKHOUSE_ESIM_URL: 'http://b.example:8123/',
      CLICKHOUSE_DASHBOARD_URL: 'https://c.example/other',
    };
    expect(resolved('clickhouse', env).address).toEqual({ url: 'http://a.example:8123', database: 'travel' });
    expect(resolved('clickhouse_esim', env).address).toEqual({ url: 'http://b.example:8123', database: 'esim_db' });
    expect(resolved('clickhouse_dashboard', env).address).toEqual({ url: 'https://c.example', database: 'other' });
  });

  test('user and password stand in the URL or in variables of their own', () => {
    const address = { url: 'https://h.example:8443', username: 'etl', password: 'p@ss', database: 'travel' };
    expect(resolved('clickhouse', { CLICKHOUSE_URL: 'https://etl:p%40ss@h.example:8443' }).address).toEqual(address);
    expect(
      resolved('clickhouse', {
        CLICKHOUSE_URL: 'https://h.example:8443',
        CLICKHOUSE_USER: 'etl',
        CLICKHOUSE_PASSWORD: 'p@ss',
      }).address,
    ).toEqual(address);
  });

  test('the label never holds the password, and the redactor knows it', () => {
    const redactor = new Redactor();
    const env = { CLICKHOUSE_URL: 'https://etl:p%40ssword@h.example:8443' };
    const { label } = resolveDestination('clickhouse', { env, redactor });
    expect(label).toBe('clickhouse travel at h.example:8443');
    expect(redactor.redact('p@ssword p%40ssword')).toBe('*** ***');
  });

  test('without a URL it is the embedded one, with the same database names', () => {
    const path = join(process.cwd(), '.etl', 'clickhouse');
    expect(resolved('clickhouse', {}).address).toEqual({ path, database: 'travel' });
    expect(resolved('clickhouse_esim', {}).address).toEqual({ path, database: 'esim_db' });
    expect(resolved('clickhouse_dashboard', { ETL_DATA_DIR: '/data' }).address).toEqual({
      path: '/data/clickhouse',
      database: 'dashboard',
    });
  });

  test('in CI a missing URL is an error unless the embedded one is asked for', () => {
    expect(codeOf(() => resolved('clickhouse', { CI: 'true' }))).toBe('DESTINATION_URL_MISSING');
    expect(codeOf(() => resolved('clickhouse', { CI: '1', CLICKHOUSE_URL: '' }))).toBe('DESTINATION_URL_MISSING');
    expect(resolved('clickhouse', { CI: 'true' }, true).address).toHaveProperty('path');
    expect(resolved('clickhouse', { CI: 'false' }).address).toHaveProperty('path');
    expect(resolved('clickhouse', { CI: 'true', CLICKHOUSE_URL: 'http://a.example' }).address).toHaveProperty('url');
  });

  test('--embedded wins over a URL', () => {
    expect(resolved('clickhouse', { CLICKHOUSE_URL: 'http://a.example' }, true).address).toHaveProperty('path');
  });

  test('the demo is always embedded', () => {
    expect(demoDestination({ CI: 'true', CLICKHOUSE_URL: 'http://a.example' }).address).toEqual({
      path: join(process.cwd(), '.etl', 'demo'),
      database: 'travel',
    });
  });

  test('an unknown name and a wrong address are configuration errors', () => {
    expect(codeOf(() => resolved('warehouse', {}))).toBe('DESTINATION_UNKNOWN');
    for (const url of ['clickhouse://h.example', 'h.example:8123', 'not an address']) {
      expect(
        codeOf(() => resolved('clickhouse', { CLICKHOUSE_URL: url })),
        url,
      ).toBe('DESTINATION_URL_INVALID');
    }
  });
});
