import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SourceFault, SourceFixture } from '../source/source-fixture.ts';
import { HTTP_FAULTS, sendJson } from './platform-fault.ts';

/** What a source asks. */
export interface PlatformRequest {
  readonly method: string;
  /** With its query. */
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A fault that only this platform has: an error with status 200, a page without rows. */
export interface PlatformFault extends SourceFault {
  /** What is sent in the place of the true answer. */
  readonly change: (answer: unknown) => unknown;
}

export interface TestPlatformOptions {
  /** The answer to a request, to be sent as JSON; `undefined` is a 404. */
  readonly answer: (request: PlatformRequest) => unknown;
  /** Requests without `Authorization: Bearer <token>` get a 401. Absent: everybody is let in. */
  readonly token?: string;
  /** Faults beyond those that every platform has. */
  readonly faults?: readonly PlatformFault[];
}

/** The part of a source fixture that a test platform brings. */
export type PlatformFixture = Pick<
  SourceFixture,
  'faults' | 'inject' | 'requests' | 'openRequests' | 'strangers' | 'secrets' | typeof Symbol.asyncDispose
> &
  Required<Pick<SourceFixture, 'addUnknownFields'>>;

interface Armed {
  readonly fault: SourceFault;
  readonly at: number;
  isMet: boolean;
}

/**
 * A platform on a free port of 127.0.0.1 that speaks JSON and misbehaves on demand; and a stranger
 * that no source may ask.
 */
export class TestPlatform implements AsyncDisposable {
  readonly #options: TestPlatformOptions;
  readonly #server: Server;
  readonly #stranger: Server;
  #armed: Armed | undefined;
  #hasUnknownFields = false;
  #requests = 0;
  #open = 0;
  #strangers = 0;

  private constructor(options: TestPlatformOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#receive(request, response));
    this.#stranger = createServer((_request, response) => {
      this.#strangers += 1;
      response.end('{}');
    });
  }

  static async start(options: TestPlatformOptions): Promise<TestPlatform> {
    const platform = new TestPlatform(options);
    for (const server of [platform.#server, platform.#stranger]) {
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
    }
    return platform;
  }

  /** What the source takes for its platform's address. */
  get url(): string {
    return urlOf(this.#server);
  }

  /** To be spread into a source fixture. */
  get fixture(): PlatformFixture {
    const { token } = this.#options;
    return {
      faults: [...(this.#options.faults ?? []), ...HTTP_FAULTS].filter(
        ({ name }) => token !== undefined || name !== 'token expired',
      ),
      inject: (fault, request) => {
        const armed: Armed = { fault, at: this.#requests + request, isMet: false };
        this.#armed = armed;
        return () => armed.isMet;
      },
      requests: () => this.#requests,
      openRequests: () => this.#open,
      strangers: () => this.#strangers,
      secrets: token === undefined ? [] : [token],
      addUnknownFields: () => {
        this.#hasUnknownFields = true;
      },
      [Symbol.asyncDispose]: () => this[Symbol.asyncDispose](),
    };
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests += 1;
    this.#open += 1;
    const count = this.#requests;
    response.on('close', () => (this.#open -= 1));
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    this.#answer(
      {
        method: request.method ?? 'GET',
        url: new URL(request.url ?? '/', this.url),
        headers: request.headers,
        body: Buffer.concat(parts).toString('utf8'),
      },
      response,
      count,
    );
  }

  #answer(request: PlatformRequest, response: ServerResponse, count: number): void {
    const { token, answer: answerOf } = this.#options;
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      return sendJson(response, { error: 'unknown token' }, 401);
    const answer = answerOf(request);
    if (answer === undefined) return sendJson(response, { error: 'not found' }, 404);
    const armed = this.#armed;
    if (armed?.at === count) {
      armed.isMet = true;
      if (this.#misbehave(armed.fault, answer, response)) return;
    }
    sendJson(response, this.#hasUnknownFields ? withUnknownFields(answer) : answer);
  }

  #misbehave({ name }: SourceFault, answer: unknown, response: ServerResponse): boolean {
    const own = this.#options.faults?.find((fault) => fault.name === name);
    if (own !== undefined) {
      sendJson(response, own.change(answer));
      return true;
    }
    const { token } = this.#options;
    const scene = { response, answer, token, url: this.url, strangerUrl: urlOf(this.#stranger) };
    return HTTP_FAULTS.find((fault) => fault.name === name)?.misbehave(scene) ?? false;
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

/** As after a release of the platform that everybody is told to expect. */
function withUnknownFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, withUnknownFields(field)] as const);
  return { ...Object.fromEntries(fields), a_field_of_tomorrow: { id: 1 } };
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
