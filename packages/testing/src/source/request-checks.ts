import { equal, ok } from 'node:assert/strict';
import { EtlError } from '@etl/core';
import { drain, requireClosed } from './abort-check.ts';
import { check } from './source-check.ts';

/** What a source asks of its platform, and when. */
export const requestChecks = [
  check('proves access', async (source, request) => {
    await source.check(request);
  }),
  check('says what to do when it is not let in', async (_source, request, fixture) => {
    if (fixture.createUnauthorizedSource === undefined) return;
    const source = fixture.createUnauthorizedSource();
    try {
      const error = await source.check(request).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      ok(error !== undefined, 'credentials that nobody knows pass the check');
      ok(EtlError.isInstance(error), 'the error has no code');
      ok(error.kind === 'auth' || error.kind === 'permission', `${error.code} is ${error.kind}`);
      ok(error.hint !== undefined && error.hint !== '', `${error.code} does not say what to do`);
    } finally {
      await source[Symbol.asyncDispose]();
    }
  }),
  check('takes no more requests than it may', async (source, request, fixture) => {
    if (fixture.requestBudget === undefined) return;
    const before = fixture.requests();
    await source.plan?.(request);
    await drain(source, request);
    const made = fixture.requests() - before;
    ok(made <= fixture.requestBudget, `${made} requests were made, ${fixture.requestBudget} are allowed`);
  }),
  check('does not read on while nobody pulls', async (source, request, fixture) => {
    const before = fixture.requests();
    await drain(source, request);
    const all = fixture.requests() - before;
    // With fewer requests, reading one ahead is reading to the end.
    if (all < 8) return;
    const other = fixture.createSource();
    try {
      const start = fixture.requests();
      for await (const message of other.read(request)) {
        if (message.type !== 'records') continue;
        await new Promise((resolve) => {
          setTimeout(resolve, 30);
        });
        ok(
          fixture.requests() - start < all / 2 + 1,
          `${fixture.requests() - start} of ${all} requests came before the second pull`,
        );
        break;
      }
    } finally {
      await other[Symbol.asyncDispose]();
    }
  }),
  check('asks for nothing more when its reader leaves', async (source, request, fixture) => {
    for await (const message of source.read(request)) if (message.type === 'records') break;
    await requireClosed(fixture);
    const left = fixture.requests();
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    equal(fixture.requests(), left, 'requests were made after the reader had left');
  }),
];
