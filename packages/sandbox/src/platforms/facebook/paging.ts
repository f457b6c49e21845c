import { without } from '../../without.ts';
import { integerParameter } from './json-parameter.ts';
import { invalidParameter } from './graph-error.ts';

export interface PageRequest {
  readonly parameters: Readonly<Record<string, string>>;
  /** Absolute, without a query: pages link to each other by it. */
  readonly url: string;
  /** Fault: the next page is this one again. */
  readonly repeatsCursor?: boolean;
  /** Fault: the page is half full. */
  readonly isShort?: boolean;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent if there is nothing on the page. */
  readonly paging: Record<string, unknown> | undefined;
}

const DEFAULT_LIMIT = 25;
const MAXIMUM_LIMIT = 5000;

/**
 * A page of a list by its cursors. A cursor holds the sort key of an item, so that a page goes on where it
 * should even if that item is gone.
 */
export function pageOf<T>(items: readonly T[], keyOf: (item: T) => string, request: PageRequest): Page<T> {
  const { parameters } = request;
  const asked = integerParameter(parameters, 'limit', DEFAULT_LIMIT, MAXIMUM_LIMIT);
  const limit = request.isShort === true ? Math.ceil(asked / 2) : asked;
  const after = parameters['after'];
  const before = parameters['before'];
  let start = 0;
  if (after !== undefined && after !== '') {
    const key = decode(after);
    start = items.findIndex((item) => keyOf(item) > key);
    if (start < 0) start = items.length;
  } else if (before !== undefined && before !== '') {
    const key = decode(before);
    const end = items.findIndex((item) => keyOf(item) >= key);
    start = Math.max(0, (end < 0 ? items.length : end) - limit);
  }
  const page = items.slice(start, start + limit);
  const [first] = page;
  const last = page.at(-1);
  if (first === undefined || last === undefined) return { items: page, paging: undefined };
  const cursors = { before: encode(keyOf(first)), after: encode(keyOf(last)) };
  const isLast = start + limit >= items.length;
  const nextCursor = request.repeatsCursor === true ? (after ?? '') : cursors.after;
  return {
    items: page,
    paging: {
      cursors,
      ...(start > 0 ? { previous: link(request, { before: cursors.before }) } : {}),
      ...(isLast && request.repeatsCursor !== true ? {} : { next: link(request, { after: nextCursor }) }),
    },
  };
}

function link({ url, parameters }: PageRequest, cursor: Record<string, string>): string {
  return `${url}?${new URLSearchParams({ ...without(parameters, 'after', 'before'), ...cursor }).toString()}`;
}

function encode(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function decode(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (!/^[\w.:-]+$/.test(key)) throw invalidParameter('Invalid cursors values');
  return key;
}
