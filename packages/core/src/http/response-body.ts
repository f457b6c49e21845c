import { createHash } from 'node:crypto';
import { EtlError } from '../etl-error.ts';
import type { Exchange } from './exchange.ts';
import { requestText, type RequestLabel } from './http-failure.ts';
import type { StreamRequest } from './http-options.ts';

/** A body as it arrives. Ends its exchange when it is read to its end, fails or is returned. */
export class ResponseBody implements AsyncIterableIterator<Uint8Array> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #exchange: Exchange;
  readonly #check: (part: Uint8Array | undefined) => void;
  #isOver = false;

  constructor(response: Response, exchange: Exchange, check: (part: Uint8Array | undefined) => void) {
    this.#reader = readerOf(response);
    this.#exchange = exchange;
    this.#check = check;
    exchange.startIdle();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      const part = this.#reader === undefined ? undefined : await this.#exchange.read(this.#reader);
      this.#check(part);
      if (part !== undefined) return { done: false, value: part };
    } catch (error) {
      this.#end();
      throw error;
    }
    return this.return();
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#isOver = true;
    this.#exchange.end();
  }
}

function readerOf(response: Response): ReadableStreamDefaultReader<Uint8Array> | undefined {
  return response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
}

/**
 * Checks a body against what the platform said of it.
 *
 * @throws HTTP_BODY_TRUNCATED, HTTP_BODY_CORRUPT
 */
export function integrityCheck(
  label: RequestLabel,
  expect: StreamRequest['expect'],
): (part: Uint8Array | undefined) => void {
  if (expect === undefined) return () => undefined;
  const hash = expect.md5 === undefined ? undefined : createHash('md5');
  let bytes = 0;
  return (part) => {
    if (part !== undefined) {
      bytes += part.byteLength;
      hash?.update(part);
      return;
    }
    if (expect.bytes !== undefined && bytes < expect.bytes) {
      throw new EtlError({
        code: 'HTTP_BODY_TRUNCATED',
        kind: 'transient',
        message: `${requestText(label)} ended after ${bytes} of ${expect.bytes} bytes.`,
        hint: 'Run again: the body was cut short on its way.',
        context: { ...label, bytes },
      });
    }
    const digest = hash?.digest();
    const isExpected = expect.md5 === undefined || digest === undefined || matchesDigest(digest, expect.md5);
    if (isExpected && (expect.bytes === undefined || bytes === expect.bytes)) return;
    throw new EtlError({
      code: 'HTTP_BODY_CORRUPT',
      kind: 'transient',
      message: `${requestText(label)} sent another body than the platform announced.`,
      hint: 'Run again: the body was changed on its way, or the file was replaced meanwhile.',
      context: { ...label, bytes },
    });
  };
}

function matchesDigest(digest: Buffer, expected: string): boolean {
  return digest.toString('base64') === expected || digest.toString('hex') === expected.toLowerCase();
}

/**
 * The transport's own decompression reports no truncation: a gzip body that was cut short and ended
 * properly comes out as a shorter body. So what does not show its own end is asked for as it is.
 */
export function refuseUnverifiable(label: RequestLabel, response: Response, expect: StreamRequest['expect']): void {
  const encoding = response.headers.get('content-encoding') ?? 'identity';
  if (encoding === 'identity' || expect?.bytes !== undefined || expect?.md5 !== undefined) return;
  throw new EtlError({
    code: 'HTTP_BODY_UNVERIFIABLE',
    kind: 'data',
    message: `${requestText(label)} was answered in an encoding whose truncation would go unnoticed.`,
    hint: 'Say how many bytes, or which MD5, the decoded body has to have.',
    context: { ...label, encoding },
  });
}

/** Reads a whole body, up to a limit. */
export async function readAll(
  response: Response,
  exchange: Exchange,
  label: RequestLabel,
  maxBytes: number,
): Promise<Uint8Array> {
  const announced = Number(response.headers.get('content-length') ?? 0);
  if (announced > maxBytes) throw tooLarge(label, maxBytes);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = readerOf(response);
  if (reader === undefined) return new Uint8Array();
  for (let part = await exchange.read(reader); part !== undefined; part = await exchange.read(reader)) {
    bytes += part.byteLength;
    if (bytes > maxBytes) throw tooLarge(label, maxBytes);
    parts.push(part);
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, bytes);
}

/** The first bytes of an error's body, however it ends. */
export async function readSome(response: Response, exchange: Exchange, maxBytes: number): Promise<string | undefined> {
  const reader = readerOf(response);
  if (reader === undefined) return '';
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    while (bytes < maxBytes) {
      const part = await exchange.read(reader);
      if (part === undefined) break;
      parts.push(part);
      bytes += part.byteLength;
    }
  } catch {
    // The status says more than how its body failed; an abort is noticed by the caller.
    return undefined;
  }
  return new TextDecoder().decode(Buffer.concat(parts).subarray(0, maxBytes));
}

function tooLarge(label: RequestLabel, maxBytes: number): EtlError {
  return new EtlError({
    code: 'HTTP_BODY_TOO_LARGE',
    kind: 'data',
    message: `${requestText(label)} sent more than ${maxBytes} bytes.`,
    hint: 'Ask for smaller pages, or raise maxBodyBytes.',
    context: { ...label, maxBytes },
  });
}

/** Text in the response's own charset, strictly. */
export function decodeBody(bytes: Uint8Array, response: Response, label: RequestLabel): string {
  const [, charset = 'utf-8'] = /charset="?([^\s";]+)/i.exec(response.headers.get('content-type') ?? '') ?? [];
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    throw new EtlError({
      code: 'HTTP_BODY_MALFORMED',
      kind: 'data',
      message: `${requestText(label)} sent a body that is not ${charset} text.`,
      hint: 'Report it: the platform’s answer cannot be read.',
      context: { ...label, charset },
    });
  }
}
