import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { memoryDestination, MemoryStore } from '@etl/testing';
import type { Logger, Row } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { esimFixture, HASH_KEY } from './fixture.ts';

describe('personal data', () => {
  it.each([
    ['held', 20_000],
    ['read twice', 5],
  ])('is hashed or dropped before anything leaves the source: rows %s', async (_, bufferRows) => {
    await using fixture = await esimFixture('pii', { bufferRows });
    const heard: unknown[] = [];
    const written: unknown[] = [];
    const store = new MemoryStore();
    const destination = watched(memoryDestination(store), written);
    const report = await fixture.run({
      destination,
      logger: loggerInto(heard),
      onEvent: (event) => void heard.push(event),
    });
    expect(report.status).toBe('ok');
    expect(written.length).toBeGreaterThan(4);
    const everything = inspect([heard, written, store, report], {
      depth: 20,
      maxArrayLength: null,
      maxStringLength: null,
    });
    for (const user of fixture.sandbox.esim.rows('users')) {
      const { id, email, ip_address: address, first_name: name } = user;
      expect(everything).not.toContain(String(email));
      expect(everything).not.toContain(`'${String(address)}'`);
      expect(everything).not.toContain(`'${String(name)}'`);
      const kept = store.rows('users').find((row) => row['id'] === id);
      expect(kept?.['email']).toBe(createHmac('sha256', HASH_KEY).update(String(email)).digest('hex'));
      expect(Object.keys(kept ?? {})).not.toContain('ip_address');
    }
    expect(everything).not.toContain(HASH_KEY);
  });

  it('is in no error either, when its type is not the declared one', async () => {
    const columns = { email: { type: 'int64' } };
    await using fixture = await esimFixture('pii', { datasets: { users: { columns } } });
    const report = await fixture.run();
    expect(report.failures).toMatchObject([{ stream: 'users', error: { code: 'ESIM_VALUE_INVALID' } }]);
    expect(inspect(report, { depth: 20 })).not.toContain('travellers.example');
  });

  it('under a name that is misspelt fails the dataset, with nothing stored', async () => {
    await using fixture = await esimFixture('pii', { datasets: { users: { drop: ['emial'] } } });
    expect((await fixture.run()).failures).toMatchObject([
      { stream: 'users', error: { code: 'ESIM_PII_COLUMN_MISSING' } },
    ]);
    expect(fixture.store.rows('users')).toEqual([]);
  });

  it('that the API gives under a new name fails the dataset, instead of being kept', async () => {
    await using fixture = await esimFixture('pii');
    const { control } = fixture.sandbox;
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    control.changeExport({ kind: 'remove-column', dataset: 'users', name: 'email' });
    control.changeExport({
      kind: 'add-column',
      dataset: 'users',
      name: 'email_address',
      values: ['new@canary.example'],
    });
    control.advance({ hours: 2 });
    expect((await fixture.run()).failures).toMatchObject([
      { stream: 'users', error: { code: 'ESIM_PII_COLUMN_MISSING' } },
    ]);
    expect(inspect(fixture.store, { depth: 20 })).not.toContain('canary.example');
  });

  it('is named before it comes: with since, a column that is not there yet is no mistake', async () => {
    const drop = ['ip_address', 'first_name', 'email', { name: 'phone', since: '1.2' }];
    await using fixture = await esimFixture('pii', { datasets: { users: { drop } } });
    const { control } = fixture.sandbox;
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    control.changeExport({ kind: 'add-column', dataset: 'users', name: 'phone', values: ['+49 canary'] });
    control.advance({ hours: 2 });
    // It comes before the version says so, as it does when a deployment is under way.
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    control.changeExport({ kind: 'remove-column', dataset: 'users', name: 'phone' });
    control.changeExport({ kind: 'manifest', dataset: 'users', entry: { schema_version: '1.2' } });
    expect((await fixture.run()).failures).toMatchObject([{ error: { code: 'ESIM_PII_COLUMN_MISSING' } }]);
    expect(inspect(fixture.store, { depth: 20 })).not.toContain('canary');
  });

  it('cannot be hashed without a key', async () => {
    await expect(esimFixture('pii', { hashKey: undefined })).rejects.toThrow('hashKey: is required');
  });
});

/** Notes everything that a load is given. */
function watched(
  destination: ReturnType<typeof memoryDestination>,
  written: unknown[],
): ReturnType<typeof memoryDestination> {
  return {
    ...destination,
    async open(...given) {
      const session = await destination.open(...given);
      const beginLoad = session.beginLoad.bind(session);
      session.beginLoad = async (...options) => {
        const load = await beginLoad(...options);
        const write = load.write.bind(load);
        load.write = async (stream: string, rows: readonly Row[]) => {
          written.push(rows);
          await write(stream, rows);
        };
        return load;
      };
      return session;
    },
  };
}

function loggerInto(heard: unknown[]): Logger {
  const hear = (...said: readonly unknown[]): void => void heard.push(said);
  return { debug: hear, info: hear, warn: hear, error: hear, child: () => loggerInto(heard) };
}
