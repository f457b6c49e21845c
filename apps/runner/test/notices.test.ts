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
    const notices = new Notices(terminal, { now: () => now });
    for (; now < 10_000; now += 250) notices.info({ path: '.etl' }, 'waiting for the process that holds it');
    expect(written).toBe('… waiting for the process that holds it\n');
  });

  test('short waits long after each other are not a long one', () => {
    let now = 0;
    const notices = new Notices(terminal, { now: () => now });
    for (; now < 60_000; now += 5000) notices.info({}, 'waiting for the run that holds the pipeline');
    expect(written).toBe('');
  });

  test('a shorter wait says nothing, and neither does anything else at that level', () => {
    let now = 0;
    const notices = new Notices(terminal, { now: () => now });
    for (; now < 2000; now += 250) notices.info({}, 'waiting for the run that holds the pipeline');
    notices.info({ slot: 'etl' }, 'replication slot created');
    expect(written).toBe('');
  });

  test('a warning names its stream, its reason and what to do, once each', () => {
    const notices = new Notices(terminal);
    for (const stream of ['orders', 'orders', 'cities']) {
      notices.warn({ stream, reason: 'it was rewritten', hint: 'Do this.' }, 'the table is copied anew');
    }
    expect(written.split('\n')).toEqual([
      '! orders: the table is copied anew: it was rewritten',
      '  Do this.',
      '! cities: the table is copied anew: it was rewritten',
      '  Do this.',
      '',
    ]);
  });

  test('a table that the source emptied is named', () => {
    new Notices(terminal).info({ stream: 'orders' }, 'truncated at the source');
    expect(written).toBe('· orders: truncated at the source\n');
  });

  test('among lines with the time of day, notices have it too', async () => {
    const logger = await createLogger({}, { redactor, terminal }, { isTimed: true });
    logger.warn({ stream: 'orders' }, 'the table is copied anew');
    expect(written).toMatch(/^\d\d:\d\d:\d\d ! orders: the table is copied anew\n$/);
  });

  test('structured logs are lines of JSON without secrets', async () => {
    redactor.add('hunter2');
    const logger = await createLogger({ ETL_LOG_FORMAT: 'json' }, { redactor, terminal }, {});
    logger
      .child({ pipeline: 'pg_shop' })
      .warn({ target: 'postgres://etl:hunter2@db/shop', password: 'x' }, 'a warning');
    logger.debug({}, 'not at this level');
    expect(JSON.parse(written)).toMatchObject({
      level: 40,
      pipeline: 'pg_shop',
      target: 'postgres://etl:***@db/shop',
      password: '***',
      msg: 'a warning',
    });
  });
});
