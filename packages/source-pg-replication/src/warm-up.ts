import type { Client } from 'pg';
import { describeTables, type ServerFacts } from './catalog.ts';

/** A table that every database has. */
const PG_CLASS = 1259;

/**
 * What is asked first of a session takes it several times as long: it reads what it keeps of the catalogs, and plans.
 * Best done while something else is waited for.
 */
export async function warmUp(client: Client, { version }: ServerFacts): Promise<void> {
  await describeTables(client, [PG_CLASS], { version });
}
