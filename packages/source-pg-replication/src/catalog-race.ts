import { EtlError } from '@etl/core';
import { sqlState } from './pg-error.ts';

/**
 * Whether a question to the catalog failed because something was dropped or altered in its midst. Functions
 * behind it open what they find: `pg_get_publication_tables` every published table (18.4, 2026-11), with
 * "could not open relation with OID …" or "cache lookup failed for …" (both XX000) when one is gone by then.
 */
export function isCatalogRace(thrown: unknown): boolean {
  const error = EtlError.isInstance(thrown) ? thrown.cause : thrown;
  const state = sqlState(error) ?? '';
  if (state !== 'XX000') return GONE.has(state);
  return /could not open relation|cache lookup failed|tuple concurrently/.test((error as Error).message);
}

/** A table, a column or another object that does not exist; a deadlock with who alters it. */
const GONE: ReadonlySet<string> = new Set(['42P01', '42703', '42704', '40P01']);

const ATTEMPTS = 5;

/** Asks again where the catalog changed in the midst of the question. */
export async function askCatalog<T>(question: () => Promise<T>): Promise<T> {
  let race: Error | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await question();
    } catch (error) {
      // Within a transaction, which is aborted now, there is no second answer.
      if (race !== undefined && sqlState(error) === '25P02') throw race;
      if (attempt === ATTEMPTS || !isCatalogRace(error)) throw error;
      race = error as Error;
    }
  }
}
