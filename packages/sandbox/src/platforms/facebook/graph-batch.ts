import type { SandboxResponse } from '../../http/exchange.ts';
import { GraphError, invalidParameter } from './graph-error.ts';
import { jsonParameter } from './json-parameter.ts';

/** One request within a batch. */
export interface BatchedRequest {
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const MAXIMUM_REQUESTS = 50;

/** The requests of the parameter `batch`. What they do not say themselves, the batch says for them. */
export function parseBatch(parameters: Readonly<Record<string, string>>, version: string): BatchedRequest[] {
  const list = jsonParameter(parameters, 'batch');
  if (!Array.isArray(list)) throw invalidParameter('Param batch must be an array.');
  if (list.length > MAXIMUM_REQUESTS) {
    throw new GraphError({
      code: 100,
      type: 'GraphBatchException',
      message: `Too many requests in batch message. Maximum batch size is ${MAXIMUM_REQUESTS}`,
    });
  }
  const token = parameters['access_token'];
  return (list as unknown[]).map((item) => {
    const { method, relative_url: relativeUrl, body } = item as Record<string, unknown>;
    if (typeof relativeUrl !== 'string') throw invalidParameter('Each request of a batch needs a relative_url.');
    const url = new URL(relativeUrl, 'http://127.0.0.1/');
    const path = /^\/v\d/.test(url.pathname) ? url.pathname : `/${version}${url.pathname}`;
    return {
      method: typeof method === 'string' ? method.toUpperCase() : 'GET',
      path,
      parameters: {
        ...(token === undefined ? {} : { access_token: token }),
        ...Object.fromEntries(url.searchParams),
        ...(typeof body === 'string' ? Object.fromEntries(new URLSearchParams(body)) : {}),
      },
    };
  });
}

/** The answers of a batch; an absent one is one the platform did not get to. */
export function writeBatch(
  answers: readonly (SandboxResponse | undefined)[],
  parameters: Readonly<Record<string, string>>,
): unknown {
  const withHeaders = parameters['include_headers'] !== 'false';
  return answers.map((answer) => {
    if (answer === undefined) return null;
    const headers = Object.entries(answer.headers).map(([name, value]) => ({ name, value }));
    return { code: answer.status, ...(withHeaders ? { headers } : {}), body: answer.body };
  });
}
