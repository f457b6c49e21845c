import { describe, expect, test } from 'vitest';
import { askCatalog, isCatalogRace } from '../src/catalog-race.ts';
import { pgError } from '../src/pg-error.ts';

const failure = (code: string, message = 'refused'): Error => Object.assign(new Error(message), { code });
const dropped = failure('XX000', 'could not open relation with OID 16518');

/** A question that fails with each of the errors in turn, then answers. */
function question(...errors: readonly Error[]): () => Promise<string> {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    if (error !== undefined) throw error;
    return 'answer';
  };
}

describe('a catalog that changes in the midst of a question', () => {
  test.each([
    [dropped, true],
    [failure('XX000', 'cache lookup failed for relation 7'), true],
    [failure('XX000', 'tuple concurrently updated'), true],
    [failure('42P01'), true],
    [failure('40P01'), true],
    [pgError(dropped, 'asking'), true],
    [failure('XX000', 'invalid page in block 3'), false],
    [failure('42501'), false],
    [new Error('could not open relation'), false],
  ])('%s: %s', (error, isRace) => {
    expect(isCatalogRace(error)).toBe(isRace);
  });

  test('is asked again', async () => {
    expect(await askCatalog(question(dropped, failure('42P01')))).toBe('answer');
  });

  test('is not asked for ever, nor after an error of another kind', async () => {
    await expect(askCatalog(question(...Array.from({ length: 9 }, () => dropped)))).rejects.toBe(dropped);
    const denied = failure('42501');
    await expect(askCatalog(question(dropped, denied))).rejects.toBe(denied);
  });

  test('has aborted the transaction, and is told of as what it was', async () => {
    await expect(askCatalog(question(dropped, failure('25P02')))).rejects.toBe(dropped);
  });
});
