import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { daysOf } from '@etl/core';

export const API_KEY = 'canary-71c0ffee';
export const CURRENCIES = ['EUR', 'GBP'];

const PAGE = 4;
const BANKS = ['north', 'south'];

export type RateRow = Readonly<Record<'currency' | 'day' | 'bank' | 'rate', string>>;

/** The platform of the example, behind a real socket, with a truth and faults. */
export class RatesPlatform implements AsyncDisposable {
  readonly #corrected = new Map<string, string>();
  #fault: { readonly name: string; readonly at: number; isMet: boolean } | undefined;
  requests = 0;
  open = 0;

  readonly #server = createServer((request, response) => {
    this.requests += 1;
    this.open += 1;
    response.on('close', () => (this.open -= 1));
    if (this.#fault?.at === this.requests && this.#misbehave(this.#fault, response)) return;
    const url = new URL(request.url ?? '/', this.url);
    if (request.headers['x-api-key'] !== API_KEY) return send(response, { error: 'key' }, 401);
    if (url.pathname === '/account') return send(response, { name: 'somebody' });
    const { currency = '', since = '', until = '', cursor = '0' } = Object.fromEntries(url.searchParams);
    const all = this.rows(currency, since, until);
    const end = Number(cursor) + PAGE;
    send(response, {
      total: all.length,
      rows: all.slice(Number(cursor), end),
      next: end < all.length ? String(end) : null,
    });
  });

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The rates of some days, `until` not included. */
  rows(currency: string, since: string, until: string): readonly RateRow[] {
    return daysOf({ start: since, end: until }).flatMap((day) =>
      BANKS.map((bank, index) => {
        const rate = this.#corrected.get(`${currency} ${day} ${bank}`) ?? `1.${Number(day.slice(8))}${index + 1}`;
        return { currency, day, bank, rate };
      }),
    );
  }

  /** A bank corrects a day. */
  correct(currency: string, day: string, rate: string): void {
    this.#corrected.set(`${currency} ${day} ${BANKS[0]}`, rate);
  }

  /** The nth request from now on meets the fault; says whether it did. */
  arm(name: string, request: number): () => boolean {
    const fault = { name, at: this.requests + request, isMet: false };
    this.#fault = fault;
    return () => fault.isMet;
  }

  #misbehave(fault: { readonly name: string; isMet: boolean }, response: ServerResponse): boolean {
    fault.isMet = true;
    if (fault.name === 'reset') response.destroy();
    else if (fault.name === 'HTML with 200') response.end('<html>We are down for maintenance</html>');
    else if (fault.name === 'page without rows') send(response, { total: 4, rows: [], next: null });
    else send(response, { error: 'internal' }, Number(fault.name));
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

function send(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}
