import type { ServerResponse } from 'node:http';
import type { SourceFault } from '../source/source-fixture.ts';

/** What a fault has to work with: the request's true answer, and the places that answers point to. */
export interface FaultScene {
  readonly response: ServerResponse;
  readonly answer: unknown;
  readonly token: string | undefined;
  readonly url: string;
  readonly strangerUrl: string;
}

/** Sends something else than the answer. `false`: this answer cannot have the fault, and was not sent. */
type Misbehave = (scene: FaultScene) => boolean;

interface HttpFault extends SourceFault {
  readonly misbehave: Misbehave;
}

/** What the network and every platform do on a bad night. */
export const HTTP_FAULTS: readonly HttpFault[] = [
  fault('reset', ['transient'], ({ response }) => response.destroy()),
  fault('slow', [], ({ response, answer }) => {
    const text = JSON.stringify(answer);
    response.setHeader('content-type', 'application/json');
    response.write(text.slice(0, 1), () => {
      setTimeout(() => response.end(text.slice(1)), 5);
    });
  }),
  fault('429 with Retry-After', ['rate-limit'], ({ response }) => {
    sendJson(response, { error: 'slow down' }, 429, { 'retry-after': '2' });
  }),
  fault('500', ['transient'], ({ response }) => sendJson(response, { error: 'internal' }, 500)),
  fault('503 without a body', ['transient'], ({ response }) => response.writeHead(503).end()),
  fault('HTML with 200', ['data', 'transient'], ({ response }) => {
    response.setHeader('content-type', 'text/html').end('<html>We are down for maintenance</html>');
  }),
  fault('error with 200', ['data', 'transient', 'rate-limit', 'auth', 'permission'], ({ response }) => {
    sendJson(response, { error: 'the report failed' });
  }),
  fault('null with 200', ['data', 'transient'], ({ response }) => sendJson(response, null)),
  fault('nothing with 200', ['data', 'transient'], ({ response }) => response.end()),
  fault('body cut short', ['transient', 'data'], ({ response, answer }) => {
    const text = JSON.stringify(answer);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
  }),
  fault('token expired', ['auth'], ({ response, token }) => {
    sendJson(response, { error: `token ${token ?? ''} has expired` }, 401);
  }),
  fault('no right', ['permission', 'auth'], ({ response }) => sendJson(response, { error: 'forbidden' }, 403)),
  {
    name: 'next page elsewhere',
    kinds: ['config', 'data', 'permission', 'internal'],
    misbehave({ response, answer, url, strangerUrl }) {
      const text = JSON.stringify(answer);
      if (!text.includes(url)) return false;
      sendJson(response, JSON.parse(text.replaceAll(url, strangerUrl)));
      return true;
    },
  },
  // Last, because it is the one that takes time.
  fault('no answer', ['transient'], () => undefined),
];

function fault(name: string, kinds: SourceFault['kinds'], send: (scene: FaultScene) => unknown): HttpFault {
  return {
    name,
    kinds,
    misbehave(scene) {
      send(scene);
      return true;
    },
  };
}

export function sendJson(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}
