import { equal, fail, ok, strictEqual } from 'node:assert/strict';
import type { Source, SourceReadRequest } from '@etl/core';
import type { SourceFixture } from './source-fixture.ts';

/** How soon an abort has to be noticed. */
const ABORT_MS = 2000;

/** Aborts before the first request, after it and in the middle. */
export async function checkAbort(fixture: SourceFixture): Promise<void> {
  const request = { now: fixture.now };
  const total = await requestsOf(fixture, request);
  for (const at of new Set([0, 1, Math.ceil(total / 2)])) await abortAt(fixture, request, at);
}

/** Reads everything and keeps nothing. */
export async function drain(source: Source, request: SourceReadRequest, onMessage?: () => void): Promise<void> {
  for await (const message of source.read(request)) if (message.type !== 'progress') onMessage?.();
}

/** Fails unless the platform soon sees no open request of anybody. */
export async function requireClosed(fixture: SourceFixture): Promise<void> {
  for (let turn = 0; turn < 200 && fixture.openRequests() > 0; turn += 1) await new Promise(setImmediate);
  equal(fixture.openRequests(), 0, 'a request was left open');
}

/** How many requests reading everything takes. */
async function requestsOf(fixture: SourceFixture, request: SourceReadRequest): Promise<number> {
  const source = fixture.createSource();
  try {
    const before = fixture.requests();
    await drain(source, request);
    return fixture.requests() - before;
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

async function abortAt(fixture: SourceFixture, request: SourceReadRequest, at: number): Promise<void> {
  const source = fixture.createSource();
  try {
    const controller = new AbortController();
    const reason = new Error('the test has seen enough');
    const start = fixture.requests();
    let abortedAt = 0;
    const abort = (): void => {
      if (controller.signal.aborted || fixture.requests() - start < at) return;
      abortedAt = performance.now();
      controller.abort(reason);
    };
    abort();
    const timer = setInterval(abort, 1);
    try {
      await drain(source, { ...request, signal: controller.signal }, abort);
      fail('an aborted read ended as if it were whole');
    } catch (error) {
      strictEqual(error, reason, 'the reason of the signal was not thrown');
    } finally {
      clearInterval(timer);
    }
    ok(performance.now() - abortedAt < ABORT_MS, 'the abort was noticed too late');
    await requireClosed(fixture);
  } finally {
    await source[Symbol.asyncDispose]();
  }
}
