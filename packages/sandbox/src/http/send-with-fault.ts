import type { ServerResponse } from 'node:http';
import type { TransportFault } from '../control/fault.ts';
import type { SandboxResponse } from './exchange.ts';

const PROXY_PAGE =
  '<!DOCTYPE html>\n<html lang="en"><head><title>Error</title></head>' +
  '<body><h1>Sorry, something went wrong.</h1><p>Please try again later.</p></body></html>\n';

/** The answer that stands in for the right one, if the fault keeps the request from being carried out. */
export function answerInstead(fault: TransportFault | undefined): SandboxResponse | 'none' | undefined {
  switch (fault?.kind) {
    case 'status':
      return { status: fault.status, headers: fault.headers ?? {}, body: fault.body ?? '' };
    case 'html':
      return { status: fault.status ?? 502, headers: { 'content-type': 'text/html; charset=utf-8' }, body: PROXY_PAGE };
    case 'empty':
      return { status: fault.status ?? 503, headers: {}, body: '' };
    case 'reset':
      return fault.isCarriedOut === true ? undefined : 'none';
    default:
      return undefined;
  }
}

/** Sends an answer as well as the fault lets it. */
export async function sendWithFault(
  response: ServerResponse,
  answer: SandboxResponse,
  fault: TransportFault | undefined,
): Promise<void> {
  const body = Buffer.from(answer.body);
  if (fault?.kind === 'slow') await elapse(fault.delayMs, response);
  if (response.destroyed) return;
  if (fault?.kind === 'reset') {
    response.destroy();
    return;
  }
  const sent = fault?.kind === 'cut-json' ? body.subarray(0, Math.floor(body.length / 2)) : body;
  response.writeHead(answer.status, { ...answer.headers, 'content-length': String(sent.length) });
  if (fault?.kind === 'truncated') {
    const bytes = Math.min(fault.bytes ?? Math.floor(body.length / 2), body.length - 1);
    response.write(body.subarray(0, Math.max(0, bytes)), () => response.destroy());
    return;
  }
  response.end(sent);
}

// Ends early if the caller gives up, so that a sandbox is disposed of at once.
function elapse(milliseconds: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
