import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { runPipeline, type Logger, type PipelineReport, type Row } from '@etl/core';
import { startSandbox } from '@etl/sandbox';
import { memoryDestination, MemoryStore } from '@etl/testing';
import { describe, expect, it } from 'vitest';
import { esim, type EsimOptions } from '../src/index.ts';
import { esimFixture, HASH_KEY } from './fixture.ts';

type EsimDataset = NonNullable<EsimOptions['datasets']>[string];

interface Loaded {
  readonly report: PipelineReport;
  readonly rows: readonly unknown[];
  readonly everything: string;
}

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

  describe('inside of a column', () => {
    const hidden = (text: string): string => createHmac('sha256', HASH_KEY).update(text).digest('hex');

    async function load(items: readonly string[], dataset: EsimDataset): Promise<Loaded> {
      await using sandbox = await startSandbox({ seed: 'paths', platforms: ['esim'] });
      const entry = { name: 'things', watermark_field: 'at' };
      const pages = [items.map((payload, id) => `{"id":${id},"at":"2026-10-01T10:00:00Z","payload":${payload}}`)];
      sandbox.control.changeExport({ kind: 'serve', entry, pages });
      const destination = memoryDestination();
      const source = esim({ ...sandbox.esim.describe(), datasets: { things: dataset }, hashKey: HASH_KEY });
      const report = await runPipeline({ name: 'things', source, destination, streams: ['things'] });
      const rows = destination.store.rows('things').map((row) => JSON.parse(String(row['payload'])) as unknown);
      return { report, rows, everything: inspect([destination.store, report], { depth: 20 }) };
    }

    it('is dropped or hashed by its path, also in lists, and the rest is kept as it was written', async () => {
      const canary =
        '{"email":"a@canary","plan":1.50,"people":[{"name":"canary","seat":2},{"seat":3}],"id":12345678901234567890}';
      const { report, rows, everything } = await load([canary, '{"plan":2}', 'null'], {
        hash: ['payload.email'],
        drop: ['payload.people.name'],
      });
      expect(report.status).toBe('ok');
      expect(rows).toMatchObject([
        { email: hidden('a@canary'), people: [{ seat: 2 }, { seat: 3 }] },
        { plan: 2 },
        null,
      ]);
      expect(everything).not.toContain('canary');
      expect(everything).toContain('12345678901234567890');
    });

    it.each([
      ['text that holds JSON', '"{\\"email\\":\\"a@canary\\"}"'],
      ['a number', '7'],
      ['a list of text', '["a@canary"]'],
    ])('cannot be reached in %s, so that nothing is stored', async (_, payload) => {
      const { report, rows, everything } = await load([payload], { drop: ['payload.email'] });
      expect(report.failures).toMatchObject([{ error: { code: 'ESIM_PII_PATH_INVALID', kind: 'data' } }]);
      expect(rows).toEqual([]);
      expect(everything).not.toContain('canary');
    });

    it('under a path that no row has ever had fails the dataset, as a misspelt name does', async () => {
      const { report, rows } = await load(['{"email":"a@canary"}'], { drop: ['payload.emial'] });
      expect(report.failures).toMatchObject([{ error: { code: 'ESIM_PII_COLUMN_MISSING' } }]);
      expect(rows).toEqual([]);
    });
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
