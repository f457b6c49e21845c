import type { ApiCallEvent } from '@etl/core';
import { describe, expect, test } from 'vitest';
import type { Parameters } from '../src/graph-client.ts';
import type { FacebookOptions } from '../src/options.ts';
import { ReportJournal } from '../src/report-journal.ts';
import { ReportRuns, TooMuchData } from '../src/report-runs.ts';
import { graphErrorBody, memoryOf, rejection, scriptedGraph, type Answered } from './scripted-graph.ts';

/** What a look at a report is answered: its status and how far it is, an error, or nothing. */
type Look =
  | readonly [status: string, percent: number, error?: readonly [code: number, subcode?: number]]
  | Answered
  | null;

const DONE: Look = ['Job Completed', 100];

interface Script {
  /** Looks by the id of the report; the last one is repeated. */
  readonly looks: Readonly<Record<string, readonly Look[]>>;
  /** Answers to submissions in their order; absent: ids `r1`, `r2`, … */
  readonly submitted?: readonly Answered[];
  readonly options?: Partial<FacebookOptions>;
}

function parameters(day: string): Parameters {
  return { level: 'ad', time_range: JSON.stringify({ since: day, until: day }) };
}

function bodyOf(look: Look): unknown {
  if (look === null) return null;
  if ('json' in look) return { code: look.status ?? 200, body: JSON.stringify(look.json) };
  if ('text' in look) return { code: look.status ?? 200, body: look.text };
  const [async_status, async_percent_completion, error] = look;
  const [error_code, error_subcode] = error ?? [];
  return { code: 200, body: JSON.stringify({ async_status, async_percent_completion, error_code, error_subcode }) };
}

/** The reports of an account whose looks are scripted. */
function reports({ looks, submitted = [], options = {} }: Script) {
  const seen: Record<string, number> = {};
  let submissions = 0;
  const scripted = scriptedGraph(({ form }) => {
    if (form['batch'] === undefined) {
      submissions += 1;
      return submitted[submissions - 1] ?? { json: { report_run_id: `r${submissions}` } };
    }
    const paths = (JSON.parse(form['batch']) as { relative_url: string }[]).map(({ relative_url: url }) => url);
    return {
      json: paths.map((path) => {
        const id = /\/(r\d+)\?/.exec(path)?.[1] ?? '';
        const own = looks[id] ?? [DONE];
        const index = Math.min(seen[id] ?? 0, own.length - 1);
        seen[id] = (seen[id] ?? 0) + 1;
        return bodyOf(own[index] ?? null);
      }),
    };
  }, options);
  const { graph, options: resolved, clock, asked } = scripted;
  const memory = memoryOf();
  const journal = new ReportJournal(memory, '1', clock);
  const events: ApiCallEvent[] = [];
  const request = { memory, onCall: (event: ApiCallEvent) => void events.push(event) };
  return {
    clock,
    memory,
    journal,
    events,
    submissions: () => asked.filter(({ path }) => path === 'act_1/insights').length,
    looks: (id: string) => seen[id] ?? 0,
    batches: () => asked.filter(({ form }) => form['batch'] !== undefined),
    async complete(days: readonly string[], more: Readonly<Record<string, unknown>> = {}) {
      const runs = new ReportRuns(graph, resolved, '1', { request: { ...request, ...more }, journal });
      const told: string[] = [];
      const completing = runs.complete(days.map(parameters));
      for (;;) {
        const step = await completing.next();
        if (step.done === true) return { ids: step.value, told };
        told.push(step.value);
      }
    },
  };
}

const DAY = ['2026-03-01'];

describe('a report is complete', () => {
  test.each<[string, readonly Look[], number]>([
    ['at the first look', [DONE], 1],
    ['when it says so and is at 100 %', [['Job Completed', 99], DONE], 2],
    ['not while it runs, although it is at 100 %', [['Job Running', 100], DONE], 2],
    ['not before it has begun', [['Job Not Started', 0], ['Job Started', 0], ['Job Running', 40], DONE], 4],
    ['not because nobody answered', [null, DONE], 2],
    ['not because the answer could not be read', [{ text: '<html></html>', status: 502 }, DONE], 2],
    ['not because the platform has a problem', [{ json: graphErrorBody(2), status: 500 }, DONE], 2],
    ['not by a status that nobody knows', [['Job Dreaming', 100], DONE], 2],
    [
      'not by a percentage that is text',
      [{ json: { async_status: 'Job Completed', async_percent_completion: '100' } }, DONE],
      2,
    ],
    ['not by an answer that says nothing', [{ json: {} }, DONE], 2],
  ])('%s', async (_what, looks, count) => {
    const own = reports({ looks: { r1: looks } });
    expect((await own.complete(DAY)).ids).toEqual(['r1']);
    expect(own.looks('r1')).toBe(count);
    expect(own.submissions()).toBe(1);
  });

  test('looked at at once, after ten seconds, twenty, forty, and then every minute', async () => {
    const running: Look = ['Job Running', 10];
    const own = reports({ looks: { r1: [...Array.from({ length: 6 }, () => running), DONE] } });
    await own.complete(DAY);
    expect(own.clock.waits).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
    expect(own.events.filter(({ type }) => type === 'call-waiting')).toMatchObject(
      own.clock.waits.map((waitMs) => ({ reason: 'report', waitMs })),
    );
  });

  test('as often as maxPollSeconds says', async () => {
    const running: Look = ['Job Running', 10];
    const own = reports({
      looks: { r1: [running, running, running, DONE] },
      options: { reports: { maxPollSeconds: 15 } },
    });
    await own.complete(DAY);
    expect(own.clock.waits).toEqual([10_000, 15_000, 15_000]);
  });

  test('says for people how far all of them are', async () => {
    const own = reports({
      looks: { r1: [['Job Running', 50], DONE], r2: [['Job Running', 0], ['Job Running', 60], DONE] },
    });
    const { told } = await own.complete(['2026-03-01', '2026-03-02']);
    expect(told).toEqual(['reports 0 % · 2 in flight', 'reports 25 % · 2 in flight', 'reports 80 % · 1 in flight']);
  });

  test('all of them in the order in which they were asked for, whichever was first', async () => {
    const slow: readonly Look[] = [['Job Running', 1], ['Job Running', 2], DONE];
    const own = reports({ looks: { r1: slow, r2: [DONE], r3: [['Job Running', 1], DONE] } });
    expect((await own.complete(['2026-03-01', '2026-03-02', '2026-03-03'])).ids).toEqual(['r1', 'r2', 'r3']);
    // One batch for those that are left, each time.
    expect(own.batches().map(({ form }) => (JSON.parse(form['batch'] ?? '') as unknown[]).length)).toEqual([3, 2, 1]);
  });

  test('no reports are complete without a call', async () => {
    const own = reports({ looks: {} });
    expect((await own.complete([])).ids).toEqual([]);
    expect(own.submissions() + own.batches().length).toBe(0);
  });
});

describe('a report that ended otherwise', () => {
  const failing: Look = ['Job Failed', 30, [2]];

  test.each(['Job Failed', 'Job Skipped'])('%s is submitted again after a wait that doubles', async (status) => {
    const own = reports({
      looks: { r1: [[status, 0]], r2: [[status, 0]], r3: [DONE] },
      options: { reports: { retryDelaySeconds: 40, maxPollSeconds: 10 } },
    });
    expect((await own.complete(DAY)).ids).toEqual(['r3']);
    expect(own.submissions()).toBe(3);
    const waited = own.clock.waits.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThanOrEqual(40_000 + 80_000);
    expect(waited).toBeLessThan(40_000 + 80_000 + 40_000);
  });

  test.each([0, 1, 2, 5])('is given up after %i retries', async (maxRetries) => {
    const own = reports({
      looks: Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`r${index + 1}`, [failing]])),
      options: { reports: { maxRetries, retryDelaySeconds: 1 } },
    });
    expect(await rejection(own.complete(DAY))).toMatchObject({
      code: 'FACEBOOK_REPORT_FAILED',
      kind: 'transient',
      message: expect.stringContaining('ended as Job Failed with error 2/0'),
    });
    expect(own.submissions()).toBe(maxRetries + 1);
    // The next run does not take it up.
    expect(Object.keys(own.memory.held.get('reports/1') ?? {})).toEqual([]);
  });

  test('does not keep the others from being completed', async () => {
    const own = reports({
      looks: { r1: [failing], r2: [['Job Running', 5], ['Job Running', 6], DONE], r3: [DONE] },
      options: { reports: { retryDelaySeconds: 1 } },
    });
    expect((await own.complete(['2026-03-01', '2026-03-02'])).ids).toEqual(['r3', 'r2']);
  });

  test.each<[string, readonly [number, number?]]>([
    ['rows and fields', [100, 1_487_534]],
    ['time', [100, 1_504_018]],
    ['words', [2, 1_504_038]],
  ])('because it was too much (%s) is not submitted again as it is', async (_what, error) => {
    const own = reports({ looks: { r1: [DONE], r2: [['Job Failed', 20, error]] } });
    const thrown = await rejection(own.complete(['2026-03-01', '2026-03-02']));
    expect(thrown).toBeInstanceOf(TooMuchData);
    expect(thrown).toMatchObject({ index: 1, cause: { code: 'FACEBOOK_TOO_MUCH_DATA' } });
    expect(own.submissions()).toBe(2);
    expect(own.clock.waits).toEqual([]);
  });

  test('a report that the platform does not know any more is submitted again', async () => {
    const gone: Look = { json: graphErrorBody(100, { error_subcode: 33 }), status: 400 };
    const own = reports({ looks: { r1: [gone], r2: [DONE] }, options: { reports: { retryDelaySeconds: 1 } } });
    expect((await own.complete(DAY)).ids).toEqual(['r2']);
  });

  test.each<[string, Look]>([
    ['failed', ['Job Failed', 10]],
    ['was skipped', ['Job Skipped', 0]],
    ['is not known any more', { json: graphErrorBody(100, { error_subcode: 33 }), status: 400 }],
  ])('one of an earlier run that %s is submitted anew, whatever the retries of this run', async (_what, look) => {
    const own = reports({ looks: { r7: [look], r1: [DONE] }, options: { reports: { maxRetries: 0 } } });
    await own.journal.add(parameters('2026-03-01'), 'r7');
    expect((await own.complete(DAY)).ids).toEqual(['r1']);
    expect(own.submissions()).toBe(1);
  });

  test('one of an earlier run that was too much is not submitted again as it is either', async () => {
    const own = reports({ looks: { r7: [['Job Failed', 10, [100, 1_487_534]]] } });
    await own.journal.add(parameters('2026-03-01'), 'r7');
    expect(await rejection(own.complete(DAY))).toBeInstanceOf(TooMuchData);
    expect(own.submissions()).toBe(0);
  });

  test('the new one has its own retries', async () => {
    const own = reports({
      looks: { r7: [failing], r1: [failing], r2: [failing], r3: [DONE] },
      options: { reports: { maxRetries: 2, retryDelaySeconds: 1 } },
    });
    await own.journal.add(parameters('2026-03-01'), 'r7');
    expect((await own.complete(DAY)).ids).toEqual(['r3']);
  });

  test.each([
    ['a token that has expired', graphErrorBody(190, { error_subcode: 463 }), 'FACEBOOK_TOKEN_EXPIRED'],
    ['a quota that is used up', graphErrorBody(80_000), 'FACEBOOK_QUOTA_USED'],
    ['a right that is missing', graphErrorBody(200), 'FACEBOOK_ACCESS_DENIED'],
  ])('%s ends it at once, and leaves it to the next run', async (_what, json, code) => {
    const own = reports({ looks: { r1: [{ json, status: 400 }] } });
    expect(await rejection(own.complete(DAY))).toMatchObject({ code });
    expect(own.clock.waits).toEqual([]);
    expect(Object.keys(own.memory.held.get('reports/1') ?? {})).toHaveLength(1);
  });
});

describe('the time that a report has', () => {
  const waiting: Look = ['Job Not Started', 0];
  const running: Look = ['Job Running', 10];

  test.each<[string, readonly Look[], Partial<NonNullable<FacebookOptions['reports']>>, string]>([
    ['that never begins', [waiting], { startTimeoutSeconds: 100, timeoutSeconds: 3000 }, 'had not begun'],
    ['that never ends', [running], { startTimeoutSeconds: 100, timeoutSeconds: 300 }, 'was not complete'],
    ['that nobody answers for', [null], { startTimeoutSeconds: 100, timeoutSeconds: 3000 }, 'had not begun'],
    [
      'that is stuck at 99 %',
      [['Job Completed', 99]],
      { startTimeoutSeconds: 100, timeoutSeconds: 300 },
      'was not complete',
    ],
  ])('one %s is given up', async (_what, looks, options, words) => {
    const own = reports({ looks: { r1: looks }, options: { reports: options } });
    expect(await rejection(own.complete(DAY))).toMatchObject({
      code: 'FACEBOOK_REPORT_STUCK',
      kind: 'transient',
      message: expect.stringContaining(words),
    });
    // Nobody waits for it again.
    expect(Object.keys(own.memory.held.get('reports/1') ?? {})).toEqual([]);
  });

  test('counts from its submission, by whichever run that was', async () => {
    const own = reports({ looks: { r1: [running] }, options: { reports: { timeoutSeconds: 300 } } });
    await own.journal.add(parameters('2026-03-01'), 'r1');
    own.clock.advance(295_000);
    expect(await rejection(own.complete(DAY))).toMatchObject({ code: 'FACEBOOK_REPORT_STUCK' });
    expect(own.clock.waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(10_000);
    expect(own.submissions()).toBe(0);
  });

  test('that runs for long is not one that has not begun', async () => {
    const own = reports({
      looks: { r1: [...Array.from({ length: 12 }, () => running), DONE] },
      options: { reports: { startTimeoutSeconds: 60, timeoutSeconds: 3000 } },
    });
    expect((await own.complete(DAY)).ids).toEqual(['r1']);
  });

  test('ends with the run: what would be complete after the deadline only is left to the next', async () => {
    const own = reports({ looks: { r1: [running] } });
    const deadline = new Date(own.clock.now() + 35_000);
    expect(await rejection(own.complete(DAY, { deadline }))).toMatchObject({
      code: 'FACEBOOK_REPORT_PENDING',
      kind: 'transient',
    });
    expect(own.clock.waits).toEqual([10_000, 20_000]);
    expect(Object.keys(own.memory.held.get('reports/1') ?? {})).toHaveLength(1);
  });

  test('an abort ends the waiting with its reason', async () => {
    const own = reports({ looks: { r1: [running] } });
    const controller = new AbortController();
    const waiting2 = rejection(own.complete(DAY, { signal: controller.signal }));
    controller.abort(new Error('stopped'));
    expect(await waiting2).toMatchObject({ message: 'stopped' });
  });
});

describe('a report is submitted', () => {
  test('once, and noted before it is waited for', async () => {
    const own = reports({ looks: { r1: [{ json: graphErrorBody(190), status: 400 }] } });
    await rejection(own.complete(DAY));
    expect(JSON.stringify(own.memory.held.get('reports/1'))).toContain('"id":"r1"');
  });

  test('not when an earlier run did', async () => {
    const own = reports({ looks: { r7: [DONE] } });
    await own.journal.add(parameters('2026-03-01'), 'r7');
    expect((await own.complete(['2026-03-01', '2026-03-02'])).ids).toEqual(['r7', 'r1']);
    expect(own.submissions()).toBe(1);
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['a number', { report_run_id: 7 }],
    ['an error of another form', { failure: 'x' }],
    ['null', null],
  ])('an answer with %s in the place of its id is none', async (_what, json) => {
    const own = reports({ looks: {}, submitted: [{ json }] });
    expect(await rejection(own.complete(DAY))).toMatchObject({ code: 'FACEBOOK_ANSWER_UNEXPECTED', kind: 'data' });
  });

  test('refused as too much: which one it was is told', async () => {
    const own = reports({
      looks: {},
      submitted: [
        { json: { report_run_id: 'r1' } },
        { json: graphErrorBody(100, { error_subcode: 1_487_534 }), status: 400 },
      ],
    });
    expect(await rejection(own.complete(['2026-03-01', '2026-03-02']))).toMatchObject({ index: 1 });
    // The one that was taken is still of use.
    expect(Object.keys(own.memory.held.get('reports/1') ?? {})).toHaveLength(1);
  });

  test('its id keeps every digit', async () => {
    const own = reports({ looks: {}, submitted: [{ text: '{"report_run_id":"6200000000000000123"}' }] });
    const thrown = await rejection(own.complete(DAY, { deadline: new Date(own.clock.now()) }));
    expect(thrown).toMatchObject({ code: 'FACEBOOK_REPORT_PENDING' });
    expect(JSON.stringify(own.memory.held.get('reports/1'))).toContain('6200000000000000123');
  });

  test.each([
    ['v25.0', true],
    ['v26.0', true],
    ['v24.0', false],
    ['v22.0', false],
  ])('with %s: why it failed is asked for: %s', async (apiVersion, isAsked) => {
    const own = reports({ looks: { r1: [DONE] }, options: { apiVersion } });
    await own.complete(DAY);
    expect(own.batches()[0]?.form['batch']?.includes('error_code')).toBe(isAsked);
  });
});
