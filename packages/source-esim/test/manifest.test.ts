import { describe, expect, it } from 'vitest';
import { parseManifest } from '../src/manifest.ts';
import { resolveOptions, type EsimOptions } from '../src/options.ts';
import { esimFixture } from './fixture.ts';

const entryOf = (name: string, given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  name,
  endpoint: `exports/${name}/`,
  strategy: 'incremental',
  watermark_field: 'at',
  primary_key: 'id',
  default_limit: 500,
  schema_version: '1.0',
  available: true,
  ...given,
});

const parse = (entries: readonly unknown[], options: Partial<EsimOptions> = {}) =>
  parseManifest({ datasets: entries }, resolveOptions({ baseUrl: 'https://api.example', apiKey: 'k', ...options }));

const problemsOf = (entries: readonly unknown[], options: Partial<EsimOptions> = {}): readonly string[] =>
  [...parse([entryOf('good'), ...entries], options).problems].map(([name, { code }]) => `${name} ${code}`);

describe('a manifest', () => {
  it.each([
    ['incremental', 'merge', ['id'], 'at'],
    ['append-only', 'append', ['id'], 'at'],
    ['full-refresh', 'replace', ['id'], undefined],
    ['full-refresh-snapshot', 'replace', ['id'], undefined],
  ] as const)('with the strategy %s is written by %s', (strategy, disposition, primaryKey, watermark) => {
    expect(parse([entryOf('x', { strategy })]).datasets).toMatchObject([{ disposition, primaryKey, watermark }]);
  });

  it('may leave out watermark and key where the whole is read', () => {
    const entry = entryOf('x', { strategy: 'full-refresh', watermark_field: undefined, primary_key: null });
    expect(parse([entry]).datasets).toHaveLength(1);
  });

  it.each([
    [0, 1],
    [-5, 1],
    [1, 1],
    [500, 500],
    [2000, 2000],
    [2001, 2000],
    [1e9, 2000],
    [12.5, 500],
    ['100', 500],
    [null, 500],
    [undefined, 500],
  ])('with the limit %s is read by %s rows', (default_limit, limit) => {
    expect(parse([entryOf('x', { default_limit })]).datasets[0]?.limit).toBe(limit);
  });

  it.each([
    ['an unknown strategy', { strategy: 'guess' }],
    ['a strategy that is a name of Object.prototype', { strategy: 'constructor' }],
    ['no strategy', { strategy: undefined }],
    ['no key', { primary_key: null }],
    ['an empty key', { primary_key: '' }],
    ['a key of no columns', { primary_key: [] }],
    ['no watermark', { watermark_field: null }],
    ['no endpoint', { endpoint: undefined }],
    ['a version that is a number', { schema_version: 1.1 }],
    ['a name that no table can have', { name: 'b?d' }],
    ['a name that a destination would change', { name: 'bad__name' }],
  ])('with %s has a problem by that dataset’s name', (_, entry) => {
    const name = 'name' in entry ? entry.name : 'bad';
    expect(problemsOf([entryOf('bad', entry)])).toEqual([`${name} ESIM_DATASET_INVALID`]);
    const [problem] = parse([entryOf('good'), entryOf('bad', entry)]).problems.values();
    expect(problem?.message).toContain(`Dataset ${name} `);
  });

  it('with an entry that is nothing names its place', () => {
    expect(problemsOf([{ available: true }])).toEqual(['number_2 ESIM_DATASET_INVALID']);
  });

  it.each([
    ['user-merges', 'user_merges'],
    ['Users', 'users'],
    ['same', 'same'],
  ])('with %s and %s, which are one table, fails both and nothing else', (one, other) => {
    const { datasets, problems } = parse([entryOf('good'), entryOf(one), entryOf(other)]);
    expect(datasets.map(({ name }) => name)).toEqual(['good']);
    expect(new Set([...problems].map(([name, { code }]) => `${name} ${code}`))).toEqual(
      new Set([`${one} ESIM_NAME_CLASH`, `${other} ESIM_NAME_CLASH`]),
    );
  });

  it.each([false, null, 'true', 1, undefined])('leaves out what is available: %s, names and all', (available) => {
    const { datasets, problems } = parse([entryOf('good'), entryOf('other', { available }), entryOf('g-o')]);
    expect(datasets.map(({ name }) => name)).toEqual(['g_o', 'good']);
    expect([...problems]).toEqual([]);
  });

  it('lets datasets be excluded, which ends a clash', () => {
    const { datasets, problems } = parse([entryOf('a-b'), entryOf('a_b')], { exclude: ['a-b'] });
    expect(datasets.map(({ endpoint }) => endpoint)).toEqual(['exports/a_b/']);
    expect([...problems]).toEqual([]);
  });

  it('says so when something is configured for a dataset that it does not name', () => {
    const options = { datasets: { oders: { reviewed: ['1.4'] } } };
    expect(problemsOf([], options)).toEqual(['oders ESIM_DATASET_UNKNOWN']);
  });

  it('refuses to drop a key', () => {
    const options = { datasets: { bad: { drop: ['id'] } } };
    expect(problemsOf([entryOf('bad')], options)).toEqual(['bad ESIM_DATASET_INVALID']);
  });

  it.each([
    ['nothing available', { datasets: [entryOf('x', { available: false })] }, 'ESIM_NOTHING_AVAILABLE'],
    ['no list', { datasets: {} }, 'ESIM_MANIFEST_INVALID'],
    ['nothing at all', null, 'ESIM_MANIFEST_INVALID'],
  ])('with %s is an error of the run', (_, body, code) => {
    const options = resolveOptions({ baseUrl: 'https://api.example', apiKey: 'k' });
    expect(() => parseManifest(body, options)).toThrow(expect.objectContaining({ code }));
  });
});

describe('in a run', () => {
  it.each([
    ['an unknown strategy', { strategy: 'guess' }, 'orders', 'ESIM_DATASET_INVALID'],
    ['no key', { primary_key: null }, 'orders', 'ESIM_DATASET_INVALID'],
    ['an endpoint on another host', { endpoint: 'https://elsewhere.example/orders/' }, 'orders', 'HTTP_HOST_REFUSED'],
    ['an endpoint that is not there', { endpoint: '/internal/analytics/exports/gone/' }, 'orders', 'HTTP_NOT_FOUND'],
  ])('%s fails that dataset alone', async (_, entry, stream, code) => {
    await using fixture = await esimFixture('manifest');
    fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'orders', entry });
    const report = await fixture.run();
    expect(report.failures).toMatchObject([{ stream, error: { code } }]);
    expect(report.streams.filter(({ rows }) => rows > 0)).toHaveLength(4);
  });

  it('a clash fails both datasets and loads the others', async () => {
    await using fixture = await esimFixture('clash');
    fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'sessions', entry: { name: 'user_merges' } });
    const report = await fixture.run();
    expect(report.failures.map(({ stream, error }) => `${stream} ${error.code}`).toSorted()).toEqual([
      'user-merges ESIM_NAME_CLASH',
      'user_merges ESIM_NAME_CLASH',
    ]);
    expect(report.streams.filter(({ rows }) => rows > 0)).toHaveLength(3);
  });

  it('a dataset that was loaded and is no longer available is a failure, not silence', async () => {
    await using fixture = await esimFixture('gone');
    await fixture.run();
    fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'users', entry: { available: false } });
    expect((await fixture.run()).failures).toMatchObject([{ stream: 'users', error: { code: 'ESIM_DATASET_GONE' } }]);
    fixture.configure({ exclude: ['users'], datasets: {} });
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
  });
});
