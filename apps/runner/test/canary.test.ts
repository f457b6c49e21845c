import { globSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startChdbServer, type ChdbServer } from '@etl/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

/** One for each place where a person puts a secret. They have nothing in common but this word. */
const WORD = 'canary';
const TOKEN = `${WORD}-token-Zq81/x+y`;
const PASSWORD = `${WORD}-password Ü&%`;
const HOOK = `${WORD}-hook-77`;
/** What the platform itself gives out in the places that have the names of secrets. */
const ISSUED = `${WORD}-issued-42`;

/** What the platform answers an account with. */
const REPLIES: Readonly<Record<string, (response: ServerResponse) => void>> = {
  good: (response) => response.end(JSON.stringify({ rows: [{ clicks: 1 }] })),
  remembers: (response) => response.end(JSON.stringify({ rows: [{ clicks: 1 }] })),
  message: (response) =>
    response.end(JSON.stringify({ error: { message: `${TOKEN} is refused, access_token=${ISSUED}` } })),
  status: (response) => {
    response.writeHead(400, { 'www-authenticate': `Bearer ${TOKEN}` });
    response.end(JSON.stringify({ access_token: ISSUED, echo: TOKEN }));
  },
  expired: (response) => response.writeHead(401).end(`token ${TOKEN} expired`),
  malformed: (response) => response.end(`{"access_token":"${ISSUED}","echo":"${TOKEN}`),
  html: (response) => response.end(`<html>${TOKEN}</html>`),
  row: (response) => response.end(JSON.stringify({ rows: [{ clicks: TOKEN }] })),
  redirect: (response) =>
    response.writeHead(302, { location: `http://other.invalid/?access_token=${ISSUED}&t=${TOKEN}` }).end(),
  next: (response) =>
    response.end(JSON.stringify({ rows: [], next: `http://other.invalid/?access_token=${ISSUED}&t=${TOKEN}` })),
  lost: (response) => response.destroy(),
};

describe('a secret that is planted in every option and every reply', { timeout: 180_000 }, () => {
  let platform: Server;
  let server: ChdbServer;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  const told: string[] = [];
  const processArguments = new Set<string>();

  beforeAll(async () => {
    directory = await temporaryDirectory();
    server = await startChdbServer({ path: join(directory.path, 'server'), username: 'etl', password: PASSWORD });
    platform = createServer(answer);
    await new Promise<void>((resolve) => platform.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    platform.closeAllConnections();
    platform.close();
    await server[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      for (const text of argumentsOfAll()) processArguments.add(text);
      const path = new URL(request.url ?? '', 'http://platform').pathname.slice(1);
      if (!path.startsWith('hook')) return REPLIES[path]?.(response);
      told.push(body);
      // A webhook, too, may say what it was asked with.
      response.writeHead(500).end(HOOK);
    });
  }

  test('is in no log, report, table of the loader, error, argument, alert or step summary', async () => {
    const url = `http://127.0.0.1:${(platform.address() as AddressInfo).port}`;
    const summary = join(directory.path, 'summary.md');
    const accounts = [...Object.keys(REPLIES), 'throws'];
    const env = {
      ETL_GROUPS_FACEBOOK: Buffer.from(JSON.stringify({ d1: { url, token: TOKEN, accounts } })).toString('base64'),
      CLICKHOUSE_URL: server.url.replace('://', `://etl:${encodeURIComponent(PASSWORD)}@`),
      ETL_ALERT_WEBHOOK_URL: `${url}/hook/${HOOK}`,
      SLACK_WEBHOOK_URL: `${url}/hook/${HOOK}`,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_ACTIONS: 'true',
    };
    const preload = [join(import.meta.dirname, 'canary-platform.ts')];
    const etl = (args: readonly string[], more: Record<string, string> = {}) =>
      runEtl(args, { cwd: directory.path, preload, env: { ...env, ...more } });

    const run = await etl(['run', 'facebook', 'd1', '--verbose', '--json'], { ETL_LOG_FORMAT: 'json' });
    expect(run.exitCode, run.output).toBe(1);
    const report = JSON.parse(run.stdout) as { failures: { code: string }[]; streams: unknown[] };
    expect(report).toMatchObject({ status: 'partial', streams: [{ slicesPublished: 2 }] });
    expect(new Set(report.failures.map(({ code }) => code))).toEqual(
      new Set([
        'CANARY_REFUSED',
        'HTTP_BODY_MALFORMED',
        'HTTP_CONNECTION_FAILED',
        'HTTP_HOST_REFUSED',
        'HTTP_REJECTED',
        'HTTP_UNAUTHORIZED',
        'INTERNAL_UNEXPECTED',
        'STREAM_ROW_INVALID',
      ]),
    );
    const shown = [run];
    for (const args of [
      ['run', 'facebook', 'd1'],
      ['plan', 'facebook', 'd1', '--verbose'],
      ['status', '--json'],
      ['state', 'show', 'facebook', 'd1', '--verbose'],
      ['groups'],
      ['check', 'facebook', 'd1', '--verbose'],
    ])
      shown.push(await etl(args));
    // Wrong ways in: a group that is no JSON, one with a field too many, a server that refuses.
    const broken = `{"d1":{"token":"${TOKEN}",`;
    const unknown = JSON.stringify({ d1: { url, token: TOKEN, accounts, [TOKEN]: TOKEN } });
    shown.push(await etl(['run', 'facebook', 'd1'], { ETL_GROUPS_FACEBOOK: broken }));
    shown.push(
      await etl(['run', 'facebook', 'd1', '--json'], { CLICKHOUSE_URL: server.url, CLICKHOUSE_PASSWORD: TOKEN }),
    );
    shown.push(await etl(['run', 'facebook', 'd1'], { ETL_GROUPS_FACEBOOK: unknown }));
    expect(shown.slice(-3).map(({ exitCode }) => exitCode)).toEqual([78, 77, 78]);

    const tables = [
      '_etl_slices',
      '_etl_runs',
      '_etl_loads',
      '_etl_state',
      '_etl_memory',
      '_etl_api_calls',
      '_etl_scopes',
    ];
    const counted = tables.map(
      (table) =>
        `SELECT '${table}' AS t, count() > 0 AS n, countIf(position(lower(toString(tuple(*))), '${WORD}-') > 0) AS c FROM travel.${table}`,
    );
    const kept = await etl(['sql', `${counted.join(' UNION ALL ')} ORDER BY t`, '--format', 'TSV']);
    const known = kept.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(known.map(([, , found]) => found)).toEqual(tables.map(() => '0'));
    expect(known.filter(([, some]) => some === '1').map(([table]) => table)).toEqual(
      expect.arrayContaining(['_etl_slices', '_etl_runs', '_etl_memory', '_etl_api_calls']),
    );

    expect(told.length).toBeGreaterThan(0);
    // GitHub takes these lines out of the log; they are how it learns what to hide.
    const output = shown.map((outcome) => outcome.output.replaceAll(/^::add-mask::.*\n/gm, ''));
    const places = {
      output: output.join(''),
      summary: readFileSync(summary, 'utf8'),
      told: told.join(''),
      arguments: [...processArguments].join(''),
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(0);
      for (const secret of [TOKEN, PASSWORD, HOOK, ISSUED])
        for (const form of formsOf(secret)) expect(text, `${form} in ${place}`).not.toContain(form);
    }
  });
});

function formsOf(secret: string): readonly string[] {
  return [...new Set([secret, encodeURIComponent(secret), encodeURI(secret), Buffer.from(secret).toString('base64')])];
}

/** The arguments of every process of this machine that may be looked at. */
function argumentsOfAll(): readonly string[] {
  return globSync('/proc/[0-9]*/cmdline').flatMap((file) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      // The process has ended meanwhile.
      return [];
    }
  });
}
