import type { Sandbox } from '../src/index.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The body of the Graph API has a different shape for every question.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export type Parameters = Readonly<Record<string, unknown>>;

/** Asks the Graph API of a sandbox as a plain client does. */
export class GraphClient {
  readonly #sandbox: Sandbox;
  readonly #token: string | undefined;

  constructor(sandbox: Sandbox, token: string | undefined = sandbox.facebook.token) {
    this.#sandbox = sandbox;
    this.#token = token;
  }

  async get(path: string, parameters: Parameters = {}): Promise<Answer> {
    const url = new URL(`${this.#sandbox.facebook.baseUrl}/${path.startsWith('v') ? path : `v24.0/${path}`}`);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, textOf(value));
    if (this.#token !== undefined) url.searchParams.set('access_token', this.#token);
    return this.follow(url.href);
  }

  async follow(url: string): Promise<Answer> {
    return answerOf(await fetch(url));
  }

  async post(path: string, parameters: Parameters = {}): Promise<Answer> {
    const body = new URLSearchParams(
      Object.entries(parameters).map(([name, value]): [string, string] => [name, textOf(value)]),
    );
    if (this.#token !== undefined) body.set('access_token', this.#token);
    return answerOf(await fetch(`${this.#sandbox.facebook.baseUrl}/v24.0/${path}`, { method: 'POST', body }));
  }

  /** Every row of a list, over all its pages. */
  async all(path: string, parameters: Parameters = {}): Promise<Record<string, unknown>[]> {
    const rows: Record<string, unknown>[] = [];
    let answer = await this.get(path, parameters);
    for (;;) {
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      rows.push(...answer.body.data);
      const next: string | undefined = answer.body.paging?.next;
      if (next === undefined) return rows;
      answer = await this.follow(next);
    }
  }

  /** Submits a report and waits for it, without waiting. */
  async completeReport(path: string, parameters: Parameters): Promise<string> {
    const { body } = await this.post(path, parameters);
    for (let poll = 0; poll < 20; poll += 1) {
      const run = await this.get(body.report_run_id);
      if (run.body.async_status === 'Job Completed' && run.body.async_percent_completion === 100) break;
    }
    return body.report_run_id;
  }
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Some faults answer with something else.
  }
  return { status: response.status, headers: response.headers, body };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
