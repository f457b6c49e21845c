import type { Row } from '@etl/core';
import { startSandbox, type ExportDataset, type Fault } from '@etl/sandbox';
import { describeSource, HastyClock, type SourceFault } from '@etl/testing';
import { esim } from '../src/index.ts';
import { ALL, DATASETS, HASH_KEY } from './fixture.ts';

const FAULTS: readonly (SourceFault & { readonly fault: Fault })[] = [
  { name: 'reset', kinds: ['transient'], fault: { kind: 'reset' } },
  {
    name: '429 with Retry-After',
    kinds: ['rate-limit'],
    fault: { kind: 'status', status: 429, headers: { 'retry-after': '2' } },
  },
  { name: '500', kinds: ['transient'], fault: { kind: 'status', status: 500 } },
  { name: '401', kinds: ['auth'], fault: { kind: 'status', status: 401, body: '{"detail":"Invalid API key."}' } },
  { name: '403', kinds: ['permission', 'auth'], fault: { kind: 'status', status: 403 } },
  { name: 'HTML with 200', kinds: ['data', 'transient'], fault: { kind: 'html', status: 200 } },
  { name: 'body cut short', kinds: ['data', 'transient'], fault: { kind: 'truncated' } },
  { name: 'half a body as if whole', kinds: ['data', 'transient'], fault: { kind: 'cut-json' } },
  { name: 'repeated cursor', kinds: ['data'], fault: { kind: 'repeated-cursor' } },
  { name: 'no cursor', kinds: ['data'], fault: { kind: 'missing-cursor' } },
  { name: 'empty page', kinds: ['data'], fault: { kind: 'empty-page' } },
];

describeSource('the eSIM source', async () => {
  const sandbox = await startSandbox({ seed: 'conformance', platforms: ['esim'] });
  const { control } = sandbox;
  const { baseUrl, apiKey } = sandbox.esim;
  // Two pages at most: every fault meets every request.
  for (const dataset of ALL) control.changeExport({ kind: 'manifest', dataset, entry: { default_limit: 120 } });
  let open = 0;
  const counted: typeof fetch = async (...call) => {
    open += 1;
    try {
      return await fetch(...call);
    } finally {
      open -= 1;
    }
  };
  const sourceWith = (key: string) =>
    esim({
      baseUrl,
      apiKey: key,
      datasets: DATASETS,
      hashKey: HASH_KEY,
      clock: new HastyClock({ now: Date.parse(control.now()), speed: 4 }),
      fetch: counted,
    });
  return {
    now: new Date(control.now()),
    createSource: () => sourceWith(apiKey),
    createUnauthorizedSource: () => sourceWith('unknown'),
    // The manifest for plan and reading, and five datasets of at most two pages.
    requestBudget: 12,
    addUnknownFields() {
      for (const dataset of ALL)
        control.changeExport({ kind: 'add-column', dataset, name: 'of_tomorrow', values: ['a', 'b'] });
      control.advance({ hours: 1 });
    },
    empty() {
      for (const dataset of ALL) control.changeExport({ kind: 'remove-rows', dataset, count: 1e6 });
    },
    truth: (stream) => sandbox.esim.rows(stream as ExportDataset).map((row) => comparable(row)),
    faults: FAULTS,
    inject({ name }, request) {
      control.clearFaults();
      const { fault } = FAULTS.find((one) => one.name === name) ?? {};
      if (fault === undefined) throw new Error(`no fault ${name}`);
      control.fault({ ...fault, after: request - 1 });
      return () => control.faults().some(({ met }) => met > 0);
    },
    requests: () => control.requests().length,
    openRequests: () => open,
    strangers: () => 0,
    secrets: [apiKey, HASH_KEY, '@travellers.example', '203.0.113.'],
    restate() {
      control.changeExport({ kind: 'touch', dataset: 'orders', count: 5 });
      control.advance({ hours: 1 });
      return { now: new Date(control.now()), stream: 'orders', slice: 'all' };
    },
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
});

/** Moments as the table has them; what is hashed or dropped is not compared. */
function comparable(row: Row): Row {
  const kept = Object.entries(row).filter(([name]) => !['email', 'first_name', 'ip_address'].includes(name));
  return Object.fromEntries(
    kept.map(([name, value]) => [name, typeof value === 'string' ? value.replace(/(\d)\+00:00$/, '$1Z') : value]),
  );
}
