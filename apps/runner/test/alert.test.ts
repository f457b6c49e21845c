import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { type PipelineReport, type RunRecord } from '@etl/core';
import { memoryDestination } from '@etl/testing';
import { sendAlert } from '../src/alert.ts';
import { alertOfReport } from '../src/run-alerts.ts';
import { Redactor } from '../src/redactor.ts';

const alert = {
  subject: 'etl run shop e1',
  pipeline: 'shop_e1',
  status: 'failed',
  exitCode: 75,
  lines: ['failed (exit 75)'],
  failures: [],
} as const;

/** What is said on the terminal when the webhook answers in a certain way. */
async function said(answer: RequestListener, timeoutMs = 10_000): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  let text = '';
  try {
    await sendAlert(alert, {
      env: { ETL_ALERT_WEBHOOK_URL: url },
      redactor: new Redactor(),
      terminal: { say: (line) => void (text += line), style: (_, styled) => styled },
      timeoutMs,
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return text;
}

test('a webhook that never answers is given up, and the run ends', async () => {
  expect(await said(() => undefined, 100)).toContain(
    'The alert was not delivered: the webhook did not answer in time.',
  );
});

test('a webhook whose answer never ends has been told', async () => {
  expect(await said((_, response) => response.writeHead(200).write('.'))).toBe('');
});

test('a webhook that sends elsewhere is not followed', async () => {
  let asked = 0;
  const text = await said((_, response) => {
    asked += 1;
    response.writeHead(307, { location: '/other' }).end();
  });
  expect(text).toContain('The alert was not delivered');
  expect(asked).toBe(1);
});

test('all is good again only when nothing is left of what failed before', async () => {
  const told: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
    request.on('end', () => {
      told.push((JSON.parse(body) as { status: string }).status);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const about = { subject: 'etl run shop e1', pipeline: 'shop_e1' };
  const destination = memoryDestination();
  const record = (id: string, failures: RunRecord['failures']): void => {
    const status = failures.length === 0 ? 'ok' : 'partial';
    destination.store.runs.push({
      ...about,
      id,
      startedAt: id,
      endedAt: id,
      status,
      rows: 0,
      loads: [],
      streams: [],
      failures,
    });
  };
  const good = { ...about, status: 'ok', rows: 1, failures: [] } as unknown as PipelineReport;
  const around = {
    env: { ETL_ALERT_WEBHOOK_URL: url },
    redactor: new Redactor(),
    terminal: { say: () => undefined, style: (_: unknown, styled: string) => styled },
  };
  const left = [{ stream: 'orders', code: 'TEST_BROKEN', message: 'broken' }];
  try {
    record('2026-11-01T00:00:00Z', left);
    record('2026-11-01T01:00:00Z', left);
    await alertOfReport(about, good, 0, { destination, around });
    expect(told).toEqual([]);
    record('2026-11-01T02:00:00Z', []);
    await alertOfReport(about, good, 0, { destination, around });
    expect(told).toEqual(['recovered']);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
