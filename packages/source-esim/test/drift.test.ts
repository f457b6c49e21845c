import { runPipeline, type PipelineEvent, type PipelineReport } from '@etl/core';
import { startSandbox } from '@etl/sandbox';
import { memoryDestination } from '@etl/testing';
import { describe, expect, it } from 'vitest';
import { esim } from '../src/index.ts';
import { ALL, DATASETS, esimFixture, ORDERS_DRIFT, sides, type EsimFixture } from './fixture.ts';

const version = (fixture: EsimFixture, schema_version: string | null): void =>
  fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version } });

const orders = { ...DATASETS['orders'] };

describe('a schema that goes on from 1.4 to 1.5 to 2.0', () => {
  it('is loaded, then loaded with a warning that names what is new, then refused for that dataset alone', async () => {
    await using fixture = await esimFixture('drift');
    const { sandbox, store } = fixture;
    expect(await fixture.run()).toMatchObject({
      status: 'ok',
      schemaChanges: expect.not.arrayContaining([ORDERS_DRIFT]),
    });

    version(fixture, '1.5');
    sandbox.control.changeExport({
      kind: 'add-column',
      dataset: 'orders',
      name: 'conversion_route',
      values: ['ads', null],
    });
    sandbox.control.advance({ hours: 3 });
    const heard: PipelineEvent[] = [];
    for (let repeated = 0; repeated < 2; repeated += 1) {
      const report = await fixture.run({ onEvent: (event) => void heard.push(event) });
      expect(report.status).toBe('ok');
      expect(report.schemaChanges).toContainEqual({ ...ORDERS_DRIFT, actual: '1.5 (new fields: conversion_route)' });
    }
    expect(heard).toContainEqual({
      type: 'schema-changed',
      stream: 'orders',
      changes: [{ ...ORDERS_DRIFT, actual: '1.5 (new fields: conversion_route)' }],
    });
    expect(store.rows('orders').some((row) => row['conversion_route'] === 'ads')).toBe(true);
    const before = store.rows('orders');

    version(fixture, '2.0');
    sandbox.control.advance({ hours: 3 });
    const report = await fixture.run();
    expect(report.status).toBe('partial');
    expect(report.failures).toMatchObject([
      { stream: 'orders', error: { code: 'ESIM_VERSION_UNKNOWN', kind: 'schema' } },
    ]);
    expect(report.failures[0]?.error.message).toContain('Dataset orders has schema version 2.0');
    expect(store.rows('orders')).toEqual(before);
    for (const dataset of ALL.filter((name) => name !== 'orders')) {
      const { loaded, world } = sides(fixture, dataset);
      expect(loaded).toEqual(world);
    }

    // Reviewed at last, it goes on where it ended.
    fixture.configure({ datasets: { ...DATASETS, orders: { ...orders, reviewed: ['1.4', '1.5', '2.0'] } } });
    expect(await fixture.run()).toMatchObject({ status: 'ok', schemaChanges: [] });
    const { loaded, world } = sides(fixture, 'orders');
    expect(loaded).toEqual(world);
  });
});

describe('the version gate', () => {
  it.each(['2.0', '0.9', 'new', '1', '1.4.1', null])('rejects manifest version %s', async (unknown) => {
    await using fixture = await esimFixture('majors');
    version(fixture, unknown);
    expect((await fixture.run()).failures).toMatchObject([
      { stream: 'orders', error: { code: 'ESIM_VERSION_UNKNOWN' } },
    ]);
  });

  it('does not ask for a version where none was reviewed', async () => {
    await using fixture = await esimFixture('ungated');
    fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'users', entry: { schema_version: '7.3' } });
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
  });

  it('declares a column only from the version on that has it', async () => {
    const columns = { ...orders.columns, payment_fee: { type: 'decimal(12, 4)', since: '1.5' } };
    const datasets = { ...DATASETS, orders: { reviewed: ['1.4', '1.5'], columns } };
    await using fixture = await esimFixture('since', { datasets });
    const typeOf = () => fixture.store.specs.get('orders')?.columns.find(({ name }) => name === 'payment_fee');
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    expect(typeOf()).toBeUndefined();
    version(fixture, '1.5');
    fixture.sandbox.control.changeExport({
      kind: 'add-column',
      dataset: 'orders',
      name: 'payment_fee',
      values: [0.25, 1],
    });
    fixture.sandbox.control.advance({ hours: 2 });
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    expect(typeOf()).toMatchObject({ type: 'decimal', precision: 12, scale: 4 });
  });
});

describe('a column that is gone', () => {
  it('is a drift where nobody declared it, until another version is reviewed', async () => {
    await using fixture = await esimFixture('gone');
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    fixture.sandbox.control.changeExport({ kind: 'remove-column', dataset: 'orders', name: 'currency' });
    fixture.sandbox.control.advance({ hours: 2 });
    const drift = { ...ORDERS_DRIFT, property: 'columns', declared: 'currency', actual: 'in no row any more' };
    expect((await fixture.run()).schemaChanges).toContainEqual(drift);
    expect((await fixture.run()).schemaChanges).toContainEqual(drift);
    version(fixture, '1.5');
    fixture.configure({ datasets: { ...DATASETS, orders: { ...orders, reviewed: ['1.5'] } } });
    expect((await fixture.run()).schemaChanges).toEqual([]);
    expect((await fixture.run()).schemaChanges).toEqual([]);
  });

  it('is none where the API leaves out what is NULL, and says so where it does not or gives another', async () => {
    const sandbox = await startSandbox({ seed: 'absent', platforms: ['esim'] });
    const destination = memoryDestination();
    const datasets = { things: { columns: { fee: { type: 'int64' } } } };
    const source = esim({ ...sandbox.esim.describe(), datasets });
    const load = (...items: readonly string[]): Promise<PipelineReport> => {
      const entry = { name: 'things', watermark_field: 'at' };
      sandbox.control.changeExport({
        kind: 'serve',
        entry,
        pages: [items.map((item, id) => `{"id":${id},"at":"2026-10-01T10:00:00Z",${item}}`)],
      });
      return runPipeline({ name: 'things', source, destination, streams: ['things'] });
    };
    const drifts = ({ schemaChanges }: PipelineReport) => schemaChanges.filter(({ type }) => type === 'drift-found');
    try {
      expect(await load('"fee":1,"note":"a"', '"note":"b"', '"fee":2')).toMatchObject({ status: 'ok' });
      const quiet = await load('"fee":3');
      expect([quiet.status, drifts(quiet)]).toEqual(['ok', []]);
      const none = await load('"note":"a"');
      expect([none.status, drifts(none)]).toEqual(['ok', []]);
      // Under a new name it would be kept, or be of another type, unseen.
      expect((await load('"note":"a","charge":3')).failures).toMatchObject([
        { error: { code: 'ESIM_COLUMN_MISSING' } },
      ]);
      expect(drifts(await load('"fee":3,"memo":"a"'))).toMatchObject([{ property: 'columns', declared: 'note' }]);
      // Where NULL is written, a key that is not there means something.
      expect(drifts(await load('"fee":3,"note":null,"memo":"a"'))).toEqual([]);
      expect(drifts(await load('"fee":3,"memo":"a"'))).toMatchObject([{ property: 'columns', declared: 'note' }]);
    } finally {
      await sandbox[Symbol.asyncDispose]();
    }
  });

  it('fails the dataset where it was declared, instead of making money NULL', async () => {
    await using fixture = await esimFixture('gone');
    await fixture.run();
    const before = fixture.store.rows('orders');
    fixture.sandbox.control.changeExport({ kind: 'remove-column', dataset: 'orders', name: 'profit_eur' });
    fixture.sandbox.control.advance({ hours: 2 });
    expect((await fixture.run()).failures).toMatchObject([
      { stream: 'orders', error: { code: 'ESIM_COLUMN_MISSING', kind: 'schema' } },
    ]);
    expect(fixture.store.rows('orders')).toEqual(before);
  });
});
