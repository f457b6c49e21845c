import { describe, expect, it } from 'vitest';
import { esimFixture, sides } from './fixture.ts';

describe('a schema that goes on from 1.4 to 1.5 to 2.0', () => {
  it('is loaded, then loaded with a warning that names what is new, then refused for that dataset alone', async () => {
    await using fixture = await esimFixture('drift');
    const { sandbox, store } = fixture;
    expect(await fixture.run()).toMatchObject({ status: 'ok' });

    sandbox.control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '1.5' } });
    sandbox.control.changeExport({
      kind: 'add-column',
      dataset: 'orders',
      name: 'conversion_route',
      values: ['ads', null],
    });
    sandbox.control.advance({ hours: 3 });
    for (let repeated = 0; repeated < 2; repeated += 1) {
      const report = await fixture.run();
      expect(report.status).toBe('ok');
      expect(report.schemaChanges).toContainEqual({
        type: 'drift-found',
        stream: 'orders',
        table: 'orders',
        property: 'schema version',
        declared: '1.4',
        actual: '1.5 (new fields: conversion_route)',
      });
    }
    expect(store.rows('orders').some((row) => row['conversion_route'] === 'ads')).toBe(true);
    const before = store.rows('orders');

    sandbox.control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '2.0' } });
    sandbox.control.advance({ hours: 3 });
    const report = await fixture.run();
    expect(report.status).toBe('partial');
    expect(report.failures).toMatchObject([{ stream: 'orders', error: { code: 'ESIM_VERSION_UNKNOWN' } }]);
    expect(store.rows('orders')).toEqual(before);
    for (const dataset of ['users', 'sessions', 'user_merges', 'order_line_items'] as const) {
      const { loaded, world } = sides(fixture, dataset);
      expect(loaded).toEqual(world);
    }
  });
});

describe('a manifest', () => {
  it.each([
    ['an unknown strategy', { strategy: 'guess' }, 'ESIM_DATASET_INVALID'],
    ['no key', { primary_key: null }, 'ESIM_DATASET_INVALID'],
    ['no watermark', { watermark_field: null }, 'ESIM_DATASET_INVALID'],
    ['a version that is none', { schema_version: 'new' }, 'ESIM_VERSION_UNKNOWN'],
  ])('with %s fails that dataset by name, and no other', async (_, entry, code) => {
    await using fixture = await esimFixture('manifest');
    fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'orders', entry });
    const report = await fixture.run();
    expect(report.failures).toMatchObject([{ stream: 'orders', error: { code } }]);
    expect(report.streams.filter(({ rows }) => rows > 0)).toHaveLength(4);
  });

  it('with two names of one table fails both', async () => {
    await using fixture = await esimFixture('clash');
    fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'sessions', entry: { name: 'user_merges' } });
    const report = await fixture.run();
    expect(report.failures.map(({ stream, error }) => `${stream} ${error.code}`).toSorted()).toEqual([
      'user-merges ESIM_NAME_CLASH',
      'user_merges ESIM_NAME_CLASH',
    ]);
    expect(report.streams.filter(({ rows }) => rows > 0)).toHaveLength(3);
  });

  it('that no longer has a dataset that was loaded says so', async () => {
    await using fixture = await esimFixture('gone');
    await fixture.run();
    fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'users', entry: { available: false } });
    expect((await fixture.run()).failures).toMatchObject([{ stream: 'users', error: { code: 'ESIM_DATASET_GONE' } }]);
  });
});
