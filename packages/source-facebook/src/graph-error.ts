import { EtlError, type ErrorKind } from '@etl/core';
import type { Answer } from '@etl/core/http';
import { z } from 'zod';
import { API_VERSION } from './api-version.ts';
import { longestRegainMs, usageOf } from './usage-headers.ts';

const graphErrorSchema = z.object({
  code: z.number(),
  error_subcode: z.number().optional(),
  message: z.string().optional(),
  is_transient: z.boolean().optional(),
  error_user_title: z.string().optional(),
  fbtrace_id: z.string().optional(),
});

/** An error as the Graph API writes it. */
export type GraphErrorBody = z.output<typeof graphErrorSchema>;

/** For what a quota says nothing of, the shortest block that the platform documents for standard access is five times this. */
const UNKNOWN_REGAIN_MS = 300_000;
const UNREADABLE_WAIT_MS = 10_000;
const MAX_MESSAGE = 200;

const QUOTA_CODES = new Set([4, 17, 32, 613, 80_014, ...Array.from({ length: 10 }, (_, index) => 80_000 + index)]);
const TOKEN_CODES = new Set([102, 104, 190]);
const PASSING_CODES = new Set([-1, 1, 2, 341]);
const TOO_MUCH_SUBCODES = new Set([1_487_534, 1_504_018, 1_504_038]);
const PASSING_SUBCODES = new Set([1_504_044, 99]);
const EXPIRED_SUBCODES = new Set([463, 467]);

interface Meaning {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint: string;
  readonly retryAfterMs?: number;
}

/** What an answer of the Graph API means; `undefined` when it holds no error of its. For an `HttpOptions.classify`. */
export function graphErrorOf({ json, headers, status, method, url }: Omit<Answer, 'text'>): EtlError | undefined {
  const body = errorBodyOf(json);
  if (body === undefined) return undefined;
  return graphError(body, `${method} ${url}`, { status, regainMs: longestRegainMs(usageOf(headers)) });
}

/** The error in a body; `undefined` when it holds none. */
export function errorBodyOf(json: unknown): GraphErrorBody | undefined {
  if (typeof json !== 'object' || json === null || !('error' in json)) return undefined;
  const parsed = graphErrorSchema.safeParse(json.error);
  return parsed.success ? parsed.data : undefined;
}

/** The error for what the Graph API said of `asked`. */
export function graphError(
  body: GraphErrorBody,
  asked: string,
  { status, regainMs }: { readonly status?: number; readonly regainMs?: number | undefined } = {},
): EtlError {
  const { code, error_subcode: subcode, fbtrace_id: trace } = body;
  const { retryAfterMs, ...meaning } = meaningOf(body, regainMs);
  const name = `${code}${subcode === undefined ? '' : `/${subcode}`}`;
  return new EtlError({
    ...meaning,
    message: `Facebook refused ${asked} with error ${name}: ${(body.message ?? 'no message').slice(0, MAX_MESSAGE)}`,
    retryAfterMs,
    context: {
      graphCode: code,
      ...(subcode === undefined ? {} : { graphSubcode: subcode }),
      ...(status === undefined ? {} : { status }),
      ...(trace === undefined ? {} : { trace }),
    },
  });
}

/** Whether the platform says that less has to be asked for at once. */
export function isTooMuchData(error: unknown): boolean {
  return EtlError.isInstance(error) && error.code === 'FACEBOOK_TOO_MUCH_DATA';
}

/** An answer that is no error and not what was asked for either. */
export function unexpectedAnswer(what: string): EtlError {
  return new EtlError({
    code: 'FACEBOOK_ANSWER_UNEXPECTED',
    kind: 'data',
    message: `Facebook answered ${what} in a form that nobody knows.`,
    hint: 'Run again; report it if it repeats, for the API may have changed.',
  });
}

function meaningOf(body: GraphErrorBody, regainMs: number | undefined): Meaning {
  const { code, error_subcode: subcode = 0, is_transient: isTransient, message = '' } = body;
  if (QUOTA_CODES.has(code)) {
    return {
      code: 'FACEBOOK_QUOTA_USED',
      kind: 'rate-limit',
      hint: 'Run again when the quota has regained; what was read before is kept.',
      retryAfterMs: regainMs ?? UNKNOWN_REGAIN_MS,
    };
  }
  if (TOKEN_CODES.has(code)) return tokenMeaning(subcode);
  if (TOO_MUCH_SUBCODES.has(subcode) || (code === 1 && /reduce the amount of data|too much data/i.test(message))) {
    return {
      code: 'FACEBOOK_TOO_MUCH_DATA',
      kind: 'data',
      hint: 'Ask for fewer days, fields or breakdowns; what can be split is split without being asked.',
    };
  }
  if (subcode === 1_815_107) {
    return {
      code: 'FACEBOOK_REPORT_UNREADABLE',
      kind: 'transient',
      hint: 'Run again: the report is complete but not yet readable.',
      retryAfterMs: UNREADABLE_WAIT_MS,
    };
  }
  if (code === 10 || code === 3 || (code >= 200 && code < 300)) {
    return {
      code: 'FACEBOOK_ACCESS_DENIED',
      kind: 'permission',
      hint: 'Give the token ads_read, and its system user a role in the ad account.',
    };
  }
  if (code === 100 && subcode === 33) {
    return {
      code: 'FACEBOOK_OBJECT_MISSING',
      kind: 'permission',
      hint: 'Check the id, and that the token may see what it names.',
    };
  }
  if (code === 2635) {
    return {
      code: 'FACEBOOK_VERSION_RETIRED',
      kind: 'config',
      hint: `Update this package: it asks for ${API_VERSION} unless apiVersion says otherwise.`,
    };
  }
  if (code === 3018) {
    return {
      code: 'FACEBOOK_HISTORY_GONE',
      kind: 'state',
      hint: 'Ask for days within the last 37 months.',
    };
  }
  if (PASSING_CODES.has(code) || PASSING_SUBCODES.has(subcode) || isTransient === true) {
    return { code: 'FACEBOOK_UNAVAILABLE', kind: 'transient', hint: 'Run again later; the platform is failing.' };
  }
  return {
    code: 'FACEBOOK_REQUEST_REJECTED',
    kind: 'config',
    hint: 'Check fields, breakdowns and level: the platform does not accept them together.',
  };
}

function tokenMeaning(subcode: number): Meaning {
  if (EXPIRED_SUBCODES.has(subcode)) {
    return {
      code: 'FACEBOOK_TOKEN_EXPIRED',
      kind: 'auth',
      hint: 'Put a new token into the group; system users have tokens that never expire.',
    };
  }
  return {
    code: 'FACEBOOK_TOKEN_INVALID',
    kind: 'auth',
    hint: 'Put a valid token into the group; this one was revoked or mistyped.',
  };
}
