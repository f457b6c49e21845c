import type { Random } from '../random.ts';
import { TABLES, type KillTable } from './tables.ts';

const BIG_TRANSACTION_ROWS = 20_000;

/** The statements of one transaction; some roll back, wholly or to a savepoint. */
export function transaction(random: Random): string {
  if (random.below(80) === 0) return bigTransaction(random);
  const statements: string[] = [];
  for (let left = 1 + random.below(6); left > 0; left -= 1) {
    const table = TABLES[random.below(TABLES.length)] as KillTable;
    const next = statement(random, table);
    if (random.below(8) > 0) statements.push(next);
    else statements.push('SAVEPOINT s', next, statement(random, table), 'ROLLBACK TO s', next);
  }
  return `BEGIN; ${statements.join('; ')}; ${random.below(10) === 0 ? 'ROLLBACK' : 'COMMIT'}`;
}

function bigTransaction(random: Random): string {
  const from = 100_000 + random.below(5) * BIG_TRANSACTION_ROWS;
  const name = random.below(2) === 0 ? 'plain' : 'coded';
  return `BEGIN; INSERT INTO ${name} (id, v, n) SELECT g, 'big', g FROM generate_series(${from}, ${from + BIG_TRANSACTION_ROWS}) g
    ON CONFLICT DO NOTHING; DELETE FROM ${name} WHERE id BETWEEN ${from} AND ${from + BIG_TRANSACTION_ROWS - 50}; COMMIT`;
}

function statement(random: Random, table: KillTable): string {
  const { name, ids } = table;
  const id = random.below(ids);
  const text = `'${letters(random, 6)}'`;
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return `INSERT INTO ${name} (id, v, n, amount, at, tags, doc, big) SELECT ${id}, ${text}, ${random.below(1000)}, ${random.below(100_000)} / 100.0, now(), ARRAY[${text}, NULL], jsonb_build_object('k', ${text}), ${big(random)}
        WHERE NOT EXISTS (SELECT FROM ${name} WHERE id = ${id})`;
    case 3:
    case 4:
      return `UPDATE ${name} SET v = ${text} WHERE id BETWEEN ${id} AND ${id + 5}`;
    case 5:
      return `UPDATE ${name} SET n = coalesce(n, 0) + 1, at = now() WHERE id = ${id}`;
    case 6:
      return `UPDATE ${name} SET big = ${random.below(4) === 0 ? 'NULL' : big(random)} WHERE id = ${id}`;
    // Away, back, or all by one; in partitions also from one to the other.
    case 7:
      return `UPDATE ${name} SET id = ${id + 1000}, v = ${text} WHERE id = ${id} AND NOT EXISTS (SELECT FROM ${name} WHERE id = ${id + 1000})`;
    case 8:
      return `UPDATE ${name} SET id = ${id} WHERE id = ${id + 1000} AND NOT EXISTS (SELECT FROM ${name} WHERE id = ${id})`;
    case 9:
      return table.isSwappable
        ? `UPDATE ${name} SET id = id + ${random.below(2) === 0 ? 1 : -1}`
        : `UPDATE ${name} SET tags = array_append(tags, ${text}) WHERE id = ${id} AND coalesce(cardinality(tags), 0) < 8`;
    case 10:
      return `DELETE FROM ${name} WHERE id BETWEEN ${id} AND ${id + 2}`;
    case 11:
      return `WITH gone AS (DELETE FROM ${name} WHERE id = ${id} RETURNING *) SELECT count(*) FROM gone`;
    case 12:
      return random.below(12) === 0
        ? `TRUNCATE ${name}`
        : `UPDATE ${name} SET doc = jsonb_build_object('n', ${random.below(9)}) WHERE id = ${id}`;
    default:
      return `DELETE FROM ${name} WHERE id > 100000 AND id % 7 = ${random.below(7)}`;
  }
}

/** Sometimes kept inline, mostly out of line, where an update that does not touch it leaves it out. */
function big(random: Random): string {
  return `repeat('${letters(random, 3)}', ${random.below(3) === 0 ? 10 : 3000})`;
}

function letters(random: Random, count: number): string {
  return Array.from({ length: count }, () => String.fromCodePoint(97 + random.below(26))).join('');
}
