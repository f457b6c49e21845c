import { EtlError, type PipelineEvent, type PipelineReport } from '@etl/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Redactor } from '../src/redactor.ts';
import { reportJson } from '../src/reporters/json-reporter.ts';
import { LineReporter } from '../src/reporters/line-reporter.ts';
import { LiveReporter } from '../src/reporters/live-reporter.ts';
import { runSummary, schemaChangeText } from '../src/reporters/run-summary.ts';
import { appendStepSummary, stepSummary } from '../src/reporters/step-summary.ts';
import { Terminal } from '../src/terminal.ts';

const HEADING = {
  subject: 'pg shop',
  pipeline: 'pg_shop',
  destination: 'clickhouse',
  target: 'clickhouse travel at h:8443 (shop)',
};

const LOAD = { loadId: '20261123-0612-7', rowsWritten: { orders: 1200, customers: 34 }, durationMs: 3100 };

function report(changes: Partial<PipelineReport> = {}): PipelineReport {
  return {
    pipeline: 'pg_shop',
    status: 'ok',
    streams: [
      { stream: 'orders', rows: 1200, slicesPublished: 0, slicesUnchanged: 0, slicesDue: 0, slicesLeft: 0 },
      { stream: 'customers', rows: 34, slicesPublished: 0, slicesUnchanged: 0, slicesDue: 0, slicesLeft: 0 },
      { stream: 'cities', rows: 0, slicesPublished: 0, slicesUnchanged: 0, slicesDue: 0, slicesLeft: 0 },
    ],
    failures: [],
    loads: [LOAD],
    rolledForward: [],
    calls: [],
    accounts: [],
    isUnfinished: false,
    schemaChanges: [],
    rows: 1234,
    durationMs: 3140,
    ...changes,
  };
}

const EVENTS: readonly PipelineEvent[] = [
  { type: 'load-started', loadId: LOAD.loadId },
  {
    type: 'schema-changed',
    stream: 'orders',
    changes: [{ type: 'table-created', stream: 'orders', table: 'shop___orders' }],
  },
  { type: 'stream-progressed', stream: 'orders', phase: 'snapshot', rows: 600, expectedRows: 1200 },
  { type: 'batch-written', stream: 'orders', rows: 1200 },
  { type: 'load-committed', summary: LOAD },
];

describe('reporters', () => {
  let written: string;

  beforeEach(() => {
    written = '';
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written += String(text);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  const terminal = () => new Terminal(new Redactor(), { NO_COLOR: '1' });

  test('plain lines have the time of day, and no escape code', () => {
    const reporter = new LineReporter(terminal(), HEADING);
    reporter.started();
    for (const event of EVENTS) reporter.event(event);
    reporter.ended(report());
    reporter.close();
    const lines = written.trimEnd().split('\n');
    expect(lines.every((line) => /^\d\d:\d\d:\d\d /.test(line))).toBe(true);
    expect(lines.map((line) => line.slice(9))).toEqual([
      'pg shop → clickhouse travel at h:8443 (shop)',
      'new table shop___orders',
      'load 20261123-0612-7 committed: 1,234 rows in 3.1 s',
      '✓ orders      1,200 rows',
      '✓ customers      34 rows',
      'pg shop   ok   3 streams   1,234 rows   3.1 s   load 20261123-0612-7',
    ]);
    expect(written).not.toContain('\u001B');
  });

  test('plain lines say every 30 s how far it is', () => {
    vi.useFakeTimers();
    const reporter = new LineReporter(terminal(), HEADING);
    reporter.started();
    for (const event of EVENTS.slice(0, 3)) reporter.event(event);
    written = '';
    vi.advanceTimersByTime(30_000);
    reporter.close();
    expect(written).toContain('orders   snapshot  600 of 1,200 rows');
  });

  test('live lines leave nothing behind but what is finished', () => {
    vi.useFakeTimers();
    const reporter = new LiveReporter(terminal(), HEADING);
    reporter.started();
    for (const event of EVENTS.slice(0, 4)) reporter.event(event);
    vi.advanceTimersByTime(250);
    expect(written).toContain('orders   snapshot  1,200 of 1,200 rows');
    reporter.ended(report());
    reporter.close();
    expect(screen(written)).toEqual([
      'pg shop → clickhouse travel at h:8443 (shop)',
      '',
      '✓ orders      1,200 rows',
      '✓ customers      34 rows',
      'pg shop   ok   3 streams   1,234 rows   3.1 s   load 20261123-0612-7',
      '',
    ]);
  });

  test('nothing new is said to be nothing new', () => {
    const unchanged = report({
      streams: [{ stream: 'orders', rows: 0, slicesPublished: 0, slicesUnchanged: 0, slicesDue: 0, slicesLeft: 0 }],
      rows: 0,
      loads: [],
    });
    expect(runSummary(terminal(), HEADING, unchanged)).toEqual([
      'pg shop   ok   1 stream   0 rows, nothing changed   3.1 s',
    ]);
  });

  test('what failed is named with what to do, and the last line says what stays due', () => {
    const error = new EtlError({ code: 'DATA_X', kind: 'data', message: 'A row is wrong.', hint: 'Correct it.' });
    const partial = report({ status: 'partial', failures: [{ stream: 'cities', error }] });
    const text = runSummary(terminal(), HEADING, partial).join('\n');
    expect(text).toContain('✗ cities: A row is wrong.\n  Correct it.\n  DATA_X · docs/errors.md#data_x');
    expect(text).toContain('pg shop   partial   2 of 3 streams   1,234 rows');
    expect(text.split('\n').at(-1)).toMatch(/stays due/);
  });

  test('what only needs time says when, and slices are counted where there are some', () => {
    const error = new EtlError({ code: 'QUOTA', kind: 'rate-limit', message: 'Used up.', retryAfterMs: 240_000 });
    const failures = [{ stream: 'insights', slice: 'a=1/2026-11-01', error }];
    const streams = [
      { stream: 'insights', rows: 7, slicesPublished: 7, slicesUnchanged: 0, slicesDue: 12, slicesLeft: 0 },
    ];
    const text = runSummary(terminal(), HEADING, report({ status: 'partial', failures, streams })).join('\n');
    expect(text).toContain('pg shop   partial   7 of 12 slices');
    expect(text).toMatch(/stays due: run the same command after \d\d:\d\d:\d\d, or leave it to the next schedule\.$/);
  });

  test('plain lines name a failure when it happens, and say why once, at the end', () => {
    const error = new EtlError({ code: 'DATA_X', kind: 'data', message: 'A row is wrong.', hint: 'Correct it.' });
    const reporter = new LineReporter(terminal(), HEADING);
    reporter.event({ type: 'stream-failed', stream: 'cities', error });
    expect(written).toContain('cities failed (DATA_X), the others go on');
    reporter.ended(report({ status: 'partial', failures: [{ stream: 'cities', error }] }));
    expect(written.split('A row is wrong.')).toHaveLength(2);
  });

  test('a read that is split, a lane that waits and slices that fail alike are each said once', () => {
    const error = new EtlError({
      code: 'QUOTA',
      kind: 'rate-limit',
      message: 'The quota is used up.',
      retryAfterMs: 240_000,
    });
    const stream = 'insights';
    const reporter = new LineReporter(terminal(), HEADING);
    const events: readonly PipelineEvent[] = [
      { type: 'slices-planned', stream, expected: 5, due: { new: 5 } },
      { type: 'window-started', stream, slice: 'a=1/2026-11-01…a=1/2026-11-02', slices: 2 },
      { type: 'slice-published', stream, slice: 'a=1/2026-11-01', rows: 3, durationMs: 1, isUnchanged: false },
      { type: 'slice-published', stream, slice: 'a=1/2026-11-02', rows: 4, durationMs: 1, isUnchanged: false },
      { type: 'window-started', stream, slice: 'a=1/2026-11-03…a=1/2026-11-04', slices: 2 },
      { type: 'window-started', stream, slice: 'a=1/2026-11-03', slices: 1 },
      { type: 'slice-failed', stream, slice: 'a=1/2026-11-03', error },
      { type: 'lane-parked', stream, lane: 'lane 1', error },
      { type: 'slice-failed', stream, slice: 'a=1/2026-11-04', error },
    ];
    for (const event of events) reporter.event(event);
    const lines = written
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(9));
    expect(lines[0]).toBe('insights: due 5 new of 5 slices');
    expect(lines[1]).toMatch(/^insights a=1\/2026-11-01 … 2026-11-02 published: 2 slices, 7 rows in /);
    expect(lines[2]).toBe('insights a=1/2026-11-03 failed (QUOTA), the others go on');
    expect(lines[3]).toMatch(
      /^insights lane 1: The quota is used up; free again at \d\d:\d\d:\d\d \(in 4 m 0 s\), the others go on$/,
    );
    expect(lines).toHaveLength(4);
    const failures = ['a=1/2026-11-04', 'a=1/2026-11-03'].map((slice) => ({ stream, slice, error }));
    const text = runSummary(terminal(), HEADING, report({ status: 'partial', failures })).join('\n');
    expect(text.match(/✗/g)).toHaveLength(1);
    expect(text).toContain('✗ insights, 2 slices (a=1/2026-11-03 … 2026-11-04): The quota is used up.');
  });

  test('a wait is told with its reason and its end, on a terminal as long as it lasts, in a log once', () => {
    vi.useFakeTimers();
    const waiting = { type: 'call-waiting', stream: 'insights', account: '9913', reason: 'quota' } as const;
    const event = { ...waiting, waitMs: 20_000, about: 'the ad account 9913' };
    const lines = new LineReporter(terminal(), HEADING);
    for (const waitMs of [1000, 20_000, 20_000]) lines.event({ ...event, waitMs });
    expect(written).toMatch(
      /^\d\d:\d\d:\d\d insights 9913 waits until \d\d:\d\d:\d\d \(20 s\): the quota of the ad account 9913 is nearly used\n$/,
    );
    written = '';
    const live = new LiveReporter(terminal(), HEADING);
    live.started();
    live.event({ type: 'batch-written', stream: 'insights', rows: 100 });
    live.event(event);
    vi.advanceTimersByTime(10_000);
    expect(screen(written).slice(-4)).toMatchObject([
      expect.stringContaining('insights   100 rows'),
      expect.stringMatching(/^⏸ insights 9913 waits until/),
      '  100 rows   10 rows/s   10 s',
      '',
    ]);
    vi.advanceTimersByTime(11_000);
    expect(screen(written).join('\n')).not.toContain('⏸');
    live.close();
  });

  test('one cause of many failures is told once, what has to be mended one by one is not', () => {
    const failure = (kind: 'auth' | 'data', stream: string, account: number) => ({
      stream,
      slice: `a=${account}/2026-11-01`,
      error: new EtlError({ code: 'X_REFUSED', kind, message: `Refused of ${stream} ${account}.`, hint: 'Mend it.' }),
    });
    const all = (kind: 'auth' | 'data') =>
      ['insights', 'ads'].flatMap((stream) => [1, 2, 3].map((account) => failure(kind, stream, account)));
    const shared = runSummary(terminal(), HEADING, report({ status: 'failed', failures: all('auth') }));
    expect(shared.filter((line) => line.startsWith('✗'))).toEqual([
      '✗ insights, ads, 6 slices, first insights a=1/2026-11-01: Refused of insights 1.',
    ]);
    const each = runSummary(terminal(), HEADING, report({ status: 'failed', failures: all('data') }));
    expect(each.filter((line) => line.startsWith('✗'))).toHaveLength(6);
  });

  test('when all is read, nothing is said to be connecting', () => {
    vi.useFakeTimers();
    const live = new LiveReporter(terminal(), HEADING);
    live.started();
    vi.advanceTimersByTime(200);
    expect(screen(written).join()).toContain('connecting');
    const slice = { stream: 'insights', slice: 'a=1/2026-11-01' };
    live.event({ type: 'slices-planned', stream: 'insights', expected: 1, due: { new: 1 } });
    live.event({ type: 'window-started', ...slice, slices: 1 });
    live.event({ type: 'slice-published', ...slice, rows: 5, durationMs: 1, isUnchanged: false });
    vi.advanceTimersByTime(200);
    expect(screen(written).join()).toContain('finishing');
    expect(screen(written).join()).not.toContain('connecting');
    live.close();
  });

  test('when all is published, what is still done is not called reading, until more is read', () => {
    vi.useFakeTimers();
    const live = new LiveReporter(terminal(), HEADING);
    live.started();
    const changes = { type: 'stream-progressed', stream: 'orders', phase: 'changes', rows: 3 } as const;
    const shown = (): string => {
      written = '';
      vi.advanceTimersByTime(200);
      return screen(written).join();
    };
    live.event(changes);
    live.event({ type: 'load-committed', summary: LOAD });
    expect(shown()).toContain('changes');
    live.event({ type: 'loads-ended' });
    live.event({ type: 'tables-merged', merges: [] });
    expect(shown()).toContain('finishing');
    live.event(changes);
    expect(shown()).toContain('changes');
    live.close();
  });

  test('what was read again and is as it was is told apart from what was published', () => {
    const stream = 'insights';
    const lines = new LineReporter(terminal(), HEADING);
    lines.event({ type: 'window-started', stream, slice: 'a=1/2026-11-01', slices: 1 });
    const published = { type: 'slice-published', stream, slice: 'a=1/2026-11-01', rows: 1200, durationMs: 1 } as const;
    lines.event({ ...published, isUnchanged: true });
    expect(written).toMatch(/insights a=1\/2026-11-01 unchanged: 1,200 rows in \d+ ms/);
    const streams = [{ stream, rows: 0, slicesPublished: 8, slicesUnchanged: 5, slicesDue: 8, slicesLeft: 0 }];
    expect(runSummary(terminal(), HEADING, report({ streams })).at(-1)).toContain('5 of 8 slices unchanged');
    expect(stepSummary(HEADING, report({ streams }))).toContain('| insights | 8 | 8 | 5 | 0 |');
    const all = streams.map((one) => ({ ...one, slicesUnchanged: 8 }));
    expect(runSummary(terminal(), HEADING, report({ streams: all, rows: 0, loads: [] }))[0]).toBe(
      '✓ insights   0 rows, 8 slices unchanged',
    );
  });

  test('rows that the platform has restated are counted, in the lines, at the end and on the summary page', () => {
    const stream = 'insights';
    const window = { type: 'window-started', stream, slice: 'a=1/2026-11-01', slices: 1 } as const;
    const known = { stream, slice: 'a=1/2026-11-01', rows: 1200, durationMs: 1, isUnchanged: false };
    const published = { ...known, type: 'slice-published', restated: { rows: 96 } } as const;
    for (const reporter of [new LineReporter(terminal(), HEADING), new LiveReporter(terminal(), HEADING)]) {
      for (const event of [window, published]) reporter.event(event);
    }
    expect(written).toMatch(/insights a=1\/2026-11-01 published: 1,200 rows \(96 restated\) in \d+ ms/);
    expect(written).toMatch(/✓ insights {2}a=1\/2026-11-01 {2}1,200 rows {2}96 restated {2}\d+ ms/);
    const counts = { slicesPublished: 8, slicesUnchanged: 5, slicesRestated: 2 };
    const streams = [{ stream, rows: 99, ...counts, rowsRestated: 96, slicesDue: 8, slicesLeft: 0 }];
    expect(runSummary(terminal(), HEADING, report({ streams })).at(-1)).toContain('   96 rows restated in 2 slices   ');
    expect(stepSummary(HEADING, report({ streams }))).toContain('| insights | 8 | 8 | 5 | 0 | 99 | 96 |  |');
    const uncounted = [{ stream, rows: 99, ...counts, slicesDue: 8, slicesLeft: 0 }];
    expect(runSummary(terminal(), HEADING, report({ streams: uncounted })).at(-1)).toContain('   2 slices restated   ');
    expect(stepSummary(HEADING, report({ streams: uncounted }))).toContain('| 99 | 2 slices |  |');
  });

  test('the summary page has a line for each account, with what its rows fall short of', () => {
    const account = {
      stream: 'insights',
      account: '4471',
      slicesPublished: 8,
      slicesUnchanged: 5,
      slicesRestated: 3,
      rowsRestated: 96,
      slicesFailed: 1,
      rows: 18_204,
      firstDay: '2026-11-15',
      lastDay: '2026-11-22',
      flags: ['provisional', 'sampled'],
      durationMs: 41_000,
    };
    const page = stepSummary(HEADING, report({ accounts: [account] }));
    expect(page).toContain(
      '| insights | 4471 | 2026-11-15 … 2026-11-22 | 8 | 5 | 1 | 18,204 | 96 | provisional, sampled | 41 s |',
    );
    expect(stepSummary(HEADING, report())).not.toContain('account');
  });

  test('a summary page that cannot be written is said to be so, and nothing else', () => {
    const said: string[] = [];
    const env = { GITHUB_STEP_SUMMARY: '/nowhere/summary.md' };
    appendStepSummary(HEADING, report(), {
      env,
      redactor: new Redactor(),
      terminal: { say: (...lines: string[]) => void said.push(...lines), style: (_, text) => text },
    });
    expect(said).toEqual(['! The summary page was not written (ENOENT).']);
  });

  test('the end says what was asked of the platform, and how full its quota was', () => {
    const none = { stream: 'insights', callMs: 1, waits: 0, waitMs: 0, retries: 0, failed: 0 };
    const calls = [
      { ...none, account: '1', calls: 1200, retries: 3, failed: 2, waitMs: 41_000, quotaUsed: 0.97 },
      { ...none, account: '2', calls: 4, quotaUsed: 0.5 },
    ];
    const text = runSummary(terminal(), HEADING, report({ calls })).join('\n');
    expect(text).toContain('  1,204 calls, 3 retries, 2 failed, waited 41 s; quota 97 % used (1)');
    expect(stepSummary(HEADING, report({ calls }))).toContain('1,204 calls');
    expect(reportJson(report({ calls }), HEADING, 0)['calls']).toEqual(calls);
  });

  test('JSON holds everything a program needs, and no stack', () => {
    const error = new EtlError({ code: 'DATA_X', kind: 'data', message: 'A row is wrong.', hint: 'Correct it.' });
    const json = reportJson(report({ status: 'partial', failures: [{ stream: 'cities', error }] }), HEADING, 1);
    expect(json).toMatchObject({
      pipeline: 'pg_shop',
      destination: 'clickhouse',
      status: 'partial',
      exitCode: 1,
      rows: 1234,
      failures: [{ stream: 'cities', code: 'DATA_X', kind: 'data', message: 'A row is wrong.', hint: 'Correct it.' }],
      loads: [LOAD],
    });
    expect(JSON.stringify(json)).not.toContain('at ');
  });
});

/** What a terminal shows of text that moves up and erases. */
function screen(text: string): string[] {
  let lines = [''];
  for (const part of text.split(/(\u001B\[\d+F\u001B\[J|\n)/)) {
    const up = /^\u001B\[(\d+)F/.exec(part)?.[1];
    if (up !== undefined) lines = [...lines.slice(0, lines.length - 1 - Number(up)), ''];
    else if (part === '\n') lines.push('');
    else lines[lines.length - 1] += part;
  }
  return lines;
}

test('what was found where nothing was declared is said without a comparison', () => {
  const found = { type: 'drift-found', stream: 'odd', table: 'shop___odd' } as const;
  const nulls = { property: 'values of day out of range', declared: 'none', actual: '2 became NULL' };
  expect(schemaChangeText({ ...found, ...nulls })).toBe('! shop___odd: values of day out of range: 2 became NULL');
  const version = { property: 'schema version', declared: '1.4', actual: '1.5' };
  expect(schemaChangeText({ ...found, ...version })).toBe(
    '! shop___odd has another schema version than declared: 1.5 instead of 1.4',
  );
});
