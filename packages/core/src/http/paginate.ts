import { EtlError, type EtlErrorOptions } from '../etl-error.ts';

/** What a page says of the one after it. */
export interface PageEnd {
  /** The cursor or the URL of the next page; `undefined` when there is none. */
  readonly next: string | undefined;
  /** Whether there is a next page, when the platform says so beside the cursor. */
  readonly hasMore?: boolean | undefined;
  /** How many rows the page has. */
  readonly count: number;
  /** How many rows all pages have, when the platform says. */
  readonly total?: number | undefined;
}

export interface PaginateOptions<TPage> {
  /** What is read, for errors. */
  readonly name: string;
  /** Reads the page at a cursor or URL, the first one without. Pass `signal` and the rest to the client here. */
  readonly read: (next: string | undefined) => Promise<TPage>;
  readonly end: (page: TPage) => PageEnd;
  /** Refuses a `next` that must not be followed; give the client's `resolve` when it is a URL. */
  readonly check?: ((next: string) => unknown) | undefined;
  /** Where to begin, when an earlier run got that far. */
  readonly from?: string | undefined;
  /** @default 10000 */
  readonly maxPages?: number | undefined;
  /** Some platforms filter after paging, so that a page before the last may be empty. @default false */
  readonly allowEmptyPages?: boolean | undefined;
}

/**
 * All pages in their order. Ending without an error promises that the platform said there are no
 * more; nothing else ends it quietly.
 *
 * @throws PAGE_CAP_REACHED, PAGE_REPEATED, PAGE_CURSOR_MISSING, PAGE_EMPTY, PAGE_TOTAL_CHANGED,
 *   PAGE_TOTAL_MISSED
 */
export async function* paginate<TPage>(options: PaginateOptions<TPage>): AsyncGenerator<TPage, void, undefined> {
  const { name, read, end, check, maxPages = 10_000, allowEmptyPages = false } = options;
  const seen = new Set<string>();
  let next = options.from;
  let rows = 0;
  let announced: number | undefined;
  for (let pages = 1; ; pages += 1) {
    if (next !== undefined) {
      if (seen.has(next)) throw pageError(name, pages, REPEATED);
      seen.add(next);
    }
    const page = await read(next);
    const { next: following, hasMore, count, total } = end(page);
    rows += count;
    // An interrupted paging sees only what is left of the total.
    if (total !== undefined && options.from === undefined) {
      if (announced !== undefined && announced !== total) throw pageError(name, pages, TOTAL_CHANGED);
      announced = total;
    }
    const isLast = hasMore === undefined ? isNone(following) : !hasMore;
    if (!isLast) {
      if (isNone(following)) throw pageError(name, pages, CURSOR_MISSING);
      if (count === 0 && !allowEmptyPages) throw pageError(name, pages, EMPTY);
      if (pages >= maxPages) throw pageError(name, pages, CAP_REACHED);
      check?.(following);
    } else if (announced !== undefined && rows !== announced) {
      throw pageError(name, pages, TOTAL_MISSED);
    }
    yield page;
    if (isLast) return;
    next = following;
  }
}

function isNone(next: string | undefined): next is undefined {
  return next === undefined || next === '';
}

interface Problem extends Pick<EtlErrorOptions, 'code' | 'kind' | 'hint'> {
  /** Follows the page's number. */
  readonly what: string;
}

const REPEATED: Problem = {
  code: 'PAGE_REPEATED',
  kind: 'data',
  what: 'would be one that was read before.',
  hint: 'Run again; report it to the platform if it repeats, for its paging goes in a circle.',
};
const CAP_REACHED: Problem = {
  code: 'PAGE_CAP_REACHED',
  kind: 'data',
  what: 'is the last one that is read, and there are more.',
  hint: 'Ask for less at once, or raise the cap if there really is so much.',
};
const CURSOR_MISSING: Problem = {
  code: 'PAGE_CURSOR_MISSING',
  kind: 'data',
  what: 'says that there are more, but not where.',
  hint: 'Run again; report it to the platform if it repeats.',
};
const EMPTY: Problem = {
  code: 'PAGE_EMPTY',
  kind: 'data',
  what: 'is empty although there are more.',
  hint: 'Run again; report it to the platform if it repeats.',
};
const TOTAL_CHANGED: Problem = {
  code: 'PAGE_TOTAL_CHANGED',
  kind: 'transient',
  what: 'announces another number of rows than the one before.',
  hint: 'Run again: the data changed while it was read.',
};
const TOTAL_MISSED: Problem = {
  code: 'PAGE_TOTAL_MISSED',
  kind: 'transient',
  what: 'is the last one, but more or fewer rows came than the platform announced.',
  hint: 'Run again: the data changed while it was read, or a page came short.',
};

function pageError(name: string, page: number, { what, ...problem }: Problem): EtlError {
  return new EtlError({ ...problem, message: `Page ${page} of ${name} ${what}`, context: { name, page } });
}
