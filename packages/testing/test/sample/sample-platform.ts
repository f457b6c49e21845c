import { addDays } from '@etl/core';
import { TestPlatform, type PlatformFault, type PlatformRequest } from '../../src/index.ts';

export const TOKEN = 'canary-5f1e0c7a91';
export const ACCOUNTS = [
  { id: '7', timeZone: 'Pacific/Auckland' },
  { id: '9', timeZone: 'America/Los_Angeles' },
];
const PAGE = 2;

type ReportRow = Readonly<Record<'account_id' | 'day' | 'ad_id' | 'spend', string>>;
type EventRow = Readonly<{ id: number; name: string }>;

interface Page {
  readonly total: number;
  readonly rows: readonly object[];
  readonly next?: string;
}

/** What only this platform does on a bad night. */
const FAULTS: readonly PlatformFault[] = [
  { name: 'page without rows', kinds: ['data'], change: (page) => ({ total: (page as Page).total, rows: [] }) },
];

/** Reports per account and day, and a list of events that grows; both in pages. */
export class SampleWorld {
  readonly #reports = new Map<string, ReportRow[]>();
  readonly events: EventRow[] = Array.from({ length: 5 }, (_, index) => ({ id: index + 1, name: `event ${index}` }));
  isEmpty = false;

  async start(): Promise<TestPlatform> {
    return TestPlatform.start({ token: TOKEN, faults: FAULTS, answer: (request): unknown => this.#answer(request) });
  }

  rows(account: string, day: string): ReportRow[] {
    if (this.isEmpty) return [];
    const key = `${account}/${day}`;
    const known = this.#reports.get(key);
    if (known !== undefined) return known;
    const count = 3 + (Number(day.slice(8)) % 2);
    const made = Array.from({ length: count }, (_, index) => ({
      account_id: account,
      day,
      ad_id: `ad-${index}`,
      spend: `${Number(day.slice(8))}.${account}${index}`,
    }));
    this.#reports.set(key, made);
    return made;
  }

  #answer({ url }: PlatformRequest): unknown {
    if (url.pathname === '/events') return this.#events(url);
    if (url.pathname === '/reports') return this.#report(url);
    return undefined;
  }

  #events(url: URL): Page {
    const after = Number(url.searchParams.get('after') ?? 0);
    const all = this.isEmpty ? [] : this.events.filter(({ id }) => id > after);
    return pageOf(url, all);
  }

  #report(url: URL): Page {
    const { account = '', since = '', until = '' } = Object.fromEntries(url.searchParams);
    const all: ReportRow[] = [];
    for (let day = since; day < until; day = addDays(day, 1)) all.push(...this.rows(account, day));
    return pageOf(url, all);
  }
}

function pageOf(url: URL, all: readonly object[]): Page {
  const offset = Number(url.searchParams.get('offset') ?? 0);
  const limit = Number(url.searchParams.get('limit') ?? PAGE);
  const end = offset + limit;
  const next = new URL(url);
  next.searchParams.set('offset', String(end));
  return { total: all.length, rows: all.slice(offset, end), ...(end < all.length ? { next: next.href } : {}) };
}
