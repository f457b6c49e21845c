import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { addDays } from '@etl/core';
import type { SourceFault } from '../../src/index.ts';

export const TOKEN = 'canary-5f1e0c7a91';
export const ACCOUNTS = [
  { id: '7', timeZone: 'Pacific/Auckland' },
  { id: '9', timeZone: 'America/Los_Angeles' },
];
const PAGE = 2;

export type ReportRow = Readonly<Record<'account_id' | 'day' | 'ad_id' | 'spend', string>>;

export const FAULTS = [
  { name: 'reset', kinds: ['transient'] },
  { name: 'no answer', kinds: ['transient'] },
  { name: '429 with Retry-After', kinds: ['rate-limit'] },
  { name: '500', kinds: ['transient'] },
  { name: 'HTML with 200', kinds: ['data', 'transient'] },
  { name: 'body cut short', kinds: ['transient', 'data'] },
  { name: 'token expired', kinds: ['auth'] },
  { name: 'no right', kinds: ['permission', 'auth'] },
  { name: 'error with 200', kinds: ['data'] },
  { name: 'next page elsewhere', kinds: ['config', 'data', 'permission', 'internal'] },
  { name: 'page without rows', kinds: ['data'] },
] as const satisfies readonly SourceFault[];

/** Reports per account and day, in pages, behind a real socket; and a stranger that no source may ask. */
export class SamplePlatform implements AsyncDisposable {
  readonly #server: Server;
  readonly #stranger: Server;
  readonly #world = new Map<string, ReportRow[]>();
  #armed: { readonly fault: string; readonly at: number; isMet: boolean } | undefined;
  requests = 0;
  openRequests = 0;
  strangers = 0;

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#stranger = createServer((_request, response) => {
      this.strangers += 1;
      response.end('{}');
    });
  }

  async listen(): Promise<this> {
    for (const server of [this.#server, this.#stranger]) {
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
    }
    return this;
  }

  get url(): string {
    return urlOf(this.#server);
  }

  arm(fault: string, request: number): () => boolean {
    const armed = { fault, at: this.requests + request, isMet: false };
    this.#armed = armed;
    return () => armed.isMet;
  }

  rows(account: string, day: string): ReportRow[] {
    const key = `${account}/${day}`;
    const known = this.#world.get(key);
    if (known !== undefined) return known;
    const count = 3 + (Number(day.slice(8)) % 2);
    const made = Array.from({ length: count }, (_, index) => ({
      account_id: account,
      day,
      ad_id: `ad-${index}`,
      spend: `${Number(day.slice(8))}.${account}${index}`,
    }));
    this.#world.set(key, made);
    return made;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests += 1;
    this.openRequests += 1;
    response.on('close', () => (this.openRequests -= 1));
    const armed = this.#armed;
    const url = new URL(request.url ?? '/', this.url);
    if (armed?.at === this.requests) {
      armed.isMet = true;
      if (this.#misbehave(armed.fault, url, response)) return;
    }
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return sendJson(response, { error: 'token' }, 401);
    sendJson(response, this.#page(url));
  }

  #page(url: URL): { readonly total: number; readonly rows: readonly ReportRow[]; readonly next?: string } {
    const { account = '', since = '', until = '', offset = '0' } = Object.fromEntries(url.searchParams);
    const all: ReportRow[] = [];
    for (let day = since; day < until; day = addDays(day, 1)) all.push(...this.rows(account, day));
    const end = Number(offset) + PAGE;
    const next = new URL(url);
    next.searchParams.set('offset', String(end));
    return {
      total: all.length,
      rows: all.slice(Number(offset), end),
      ...(end < all.length ? { next: next.href } : {}),
    };
  }

  /** Returns whether the request is answered with it. */
  #misbehave(fault: string, url: URL, response: ServerResponse): boolean {
    const page = this.#page(url);
    switch (fault as (typeof FAULTS)[number]['name']) {
      case 'reset':
        response.destroy();
        return true;
      case 'no answer':
        return true;
      case '429 with Retry-After':
        sendJson(response, { error: 'slow down' }, 429, { 'retry-after': '2' });
        return true;
      case '500':
        sendJson(response, { error: 'internal' }, 500);
        return true;
      case 'HTML with 200':
        response.setHeader('content-type', 'text/html').end('<html>We are down for maintenance</html>');
        return true;
      case 'body cut short': {
        const text = JSON.stringify(page);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
        response.write(text.slice(0, text.length / 2), () => response.destroy());
        return true;
      }
      case 'token expired':
        sendJson(response, { error: `token ${TOKEN} has expired` }, 401);
        return true;
      case 'no right':
        sendJson(response, { error: 'forbidden' }, 403);
        return true;
      case 'error with 200':
        sendJson(response, { error: 'report failed' });
        return true;
      case 'page without rows':
        sendJson(response, { total: page.total, rows: [] });
        return true;
      case 'next page elsewhere':
        if (page.next === undefined) return false;
        sendJson(response, { ...page, next: page.next.replace(this.url, urlOf(this.#stranger)) });
        return true;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#server, this.#stranger]) {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
  }
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sendJson(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}
