import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../src/logger.ts';
import { Notices } from '../src/notices.ts';
import { Redactor } from '../src/redactor.ts';
import { Terminal } from '../src/terminal.ts';

describe('what people are told of the log', () => {
  let written: string;
  const redactor = new Redactor();
  const terminal = new Terminal(redactor, { NO_COLOR: '1' });

  beforeEach(() => {
    written = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written += String(text);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('a wait of more than two seconds says why, once', () => {
    let now = 0;
    const notices = new Notices(terminal, () => now);
    for (; now < 10_000; now += 250) notices.info({ path: '.etl' }, 'waiting for the process that holds it');
    expect(written).toBe('… waiting for the process that holds it\n');
  });

  test('a shorter wait says nothing, and neither does anything else at that level', () => {
    let now = 0;
    const notices = new Notices(terminal, () => now);
    for (; now < 2000; now += 250) notices.info({}, 'waiting for the run that holds the pipeline');
    notices.info({ slot: 'etl' }, 'replication slot created');
    expect(written).toBe('');
  });

  test('a warning names its stream and its reason, once each', () => {
    const notices = new Notices(terminal);
    for (const stream of ['orders', 'orders', 'cities']) {
      notices.warn({ stream, reason: 'it was rewritten' }, 'table must be copied anew');
    }
    expect(written.split('\n')).toEqual([
      '! orders: table must be copied anew (it was rewritten)',
      '! cities: table must be copied anew (it was rewritten)',
      '',
    ]);
  });

  test('structured logs are lines of JSON without secrets', async () => {
    redactor.add('hunter2');
    const logger = await createLogger({ ETL_LOG_FORMAT: 'json' }, { redactor, terminal }, {});
    logger
      ?.child({ pipeline: 'pg_shop' })
      .warn({ target: 'postgres://etl:hunter2@db/shop', password: 'x' }, 'a warning');
    logger?.debug({}, 'not at this level');
    expect(JSON.parse(written)).toMatchObject({
      level: 40,
      pipeline: 'pg_shop',
      target: 'postgres://etl:***@db/shop',
      password: '***',
      msg: 'a warning',
    });
  });

  test('a program that reads JSON is told nothing else', async () => {
    expect(await createLogger({}, { redactor, terminal }, { json: true })).toBeUndefined();
  });
});
