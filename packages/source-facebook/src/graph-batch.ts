import type { EtlError } from '@etl/core';
import { z } from 'zod';
import { exactJson } from './exact-json.ts';
import type { GraphObject } from './graph-client.ts';
import { errorBodyOf, graphError, unexpectedAnswer } from './graph-error.ts';
import { longestRegainMs, usageOf } from './usage-headers.ts';

/** What the platform takes in one batch (Graph API, Batch requests). */
export const MAX_BATCH = 50;

const answersSchema = z.array(
  z
    .object({
      code: z.number(),
      body: z.string().nullable(),
      headers: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
    })
    .nullable(),
);

/** The answer to one request of a batch. */
export interface BatchedAnswer {
  /** Absent when the platform did not get to the request. */
  readonly answer?: GraphObject | EtlError;
  readonly headers: Headers;
}

/** The parameter `batch` for GETs below the version. */
export function batchOf(paths: readonly string[]): string {
  return JSON.stringify(paths.map((path) => ({ method: 'GET', relative_url: path })));
}

/**
 * What a batch was answered, in the order asked.
 *
 * @throws FACEBOOK_ANSWER_UNEXPECTED (data) when it is not an answer to every request
 */
export function batchedAnswers(given: unknown, paths: readonly string[]): readonly BatchedAnswer[] {
  const parsed = answersSchema.safeParse(given);
  if (!parsed.success || parsed.data.length !== paths.length) throw unexpectedAnswer('a batch');
  return parsed.data.map((answer, index) => {
    const headers = new Headers(answer?.headers?.map(({ name, value }): [string, string] => [name, value]));
    const read = answer === null ? undefined : answerOf(answer, headers, paths[index] ?? '');
    return { headers, ...(read === undefined ? {} : { answer: read }) };
  });
}

function answerOf(
  { code, body }: { readonly code: number; readonly body: string | null },
  headers: Headers,
  path: string,
): GraphObject | EtlError | undefined {
  let json: unknown;
  try {
    json = exactJson(body ?? '');
  } catch {
    return undefined;
  }
  const error = errorBodyOf(json);
  if (error !== undefined) {
    const regainMs = longestRegainMs(usageOf(headers));
    return graphError(error, `GET ${path.split('?')[0] ?? ''}`, { status: code, regainMs });
  }
  return code === 200 && typeof json === 'object' && json !== null ? (json as GraphObject) : undefined;
}
