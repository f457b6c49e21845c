import type { Random } from '../random.ts';
import { TABLES } from './tables.ts';

/** What comes and goes of the tables: extra columns, partitions, whole tables. */
export class SchemaChanges {
  readonly #random: Random;
  readonly #columns = new Map<string, string[]>();
  readonly #tables: string[] = [];
  #count = 0;
  #hasPartition = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next change. It may fail, where it depends on one that did. */
  next(): string {
    const table = TABLES[this.#random.below(TABLES.length)]?.name ?? 'plain';
    const columns = this.#columns.get(table) ?? [];
    this.#columns.set(table, columns);
    this.#count += 1;
    const name = `c${this.#count}`;
    const some = columns[this.#random.below(Math.max(columns.length, 1))];
    switch (this.#random.below(13)) {
      case 0:
      case 1:
        columns.push(name);
        return `ALTER TABLE ${table} ADD COLUMN ${name} int; UPDATE ${table} SET ${name} = id WHERE id % 5 = 0`;
      case 2:
        columns.push(name);
        return `ALTER TABLE ${table} ADD COLUMN ${name} int DEFAULT ${this.#count}`;
      case 3:
        columns.push(name);
        return `ALTER TABLE ${table} ADD COLUMN ${name} text DEFAULT md5(random()::text)`;
      case 4:
        if (some === undefined) return `UPDATE ${table} SET n = 0`;
        columns.splice(columns.indexOf(some), 1);
        return `ALTER TABLE ${table} DROP COLUMN ${some}; UPDATE ${table} SET v = 'dropped' WHERE id % 9 = 0`;
      case 5:
        if (some === undefined) return `UPDATE ${table} SET n = 1`;
        columns.splice(columns.indexOf(some), 1, name);
        return `ALTER TABLE ${table} RENAME COLUMN ${some} TO ${name}; UPDATE ${table} SET v = 'renamed' WHERE id % 8 = 0`;
      case 6:
        return `ALTER TABLE ${table} ALTER ${some ?? 'n'} TYPE ${['bigint', 'text', 'numeric(20, 3)'][this.#random.below(3)]}
          USING nullif(regexp_replace(${some ?? 'n'}::text, '[^0-9]', '', 'g'), '')::numeric % 1000000`;
      case 7:
        return `BEGIN; INSERT INTO ${table} (id, v) VALUES (${5000 + this.#count}, 'before'); ALTER TABLE ${table} ADD COLUMN ${name} text;
          UPDATE ${table} SET ${name} = 'between' WHERE id = ${5000 + this.#count}; ${this.#random.below(2) === 0 ? 'COMMIT' : 'ROLLBACK'}`;
      case 8:
        return this.#partition();
      case 9:
        return this.#random.below(2) === 0 ? `VACUUM FULL ${table}` : `TRUNCATE parts_high_${this.#random.below(2)}`;
      case 10:
        return `DROP TABLE IF EXISTS phoenix; CREATE TABLE phoenix (id int PRIMARY KEY, ${name} text); INSERT INTO phoenix SELECT g, 'p' || g FROM generate_series(1, ${this.#random.below(500)}) g`;
      case 11:
        return this.#table(name);
      default:
        return `TRUNCATE ${table}`;
    }
  }

  /** Rows of a detached partition would stay at the destination, so it is emptied in the same transaction. */
  #partition(): string {
    this.#hasPartition = !this.#hasPartition;
    return this.#hasPartition
      ? `CREATE TABLE parts_far (LIKE parts INCLUDING ALL); INSERT INTO parts_far (id, v) SELECT g, 'brought' FROM generate_series(900000, 900100) g;
         BEGIN; ALTER TABLE parts DETACH PARTITION parts_high; DELETE FROM parts_high WHERE id >= 900000;
         ALTER TABLE parts ATTACH PARTITION parts_high FOR VALUES FROM (150) TO (900000); ALTER TABLE parts ATTACH PARTITION parts_far FOR VALUES FROM (900000) TO (MAXVALUE); COMMIT`
      : `BEGIN; DELETE FROM parts WHERE id >= 900000; ALTER TABLE parts DETACH PARTITION parts_far; DROP TABLE parts_far; COMMIT`;
  }

  #table(name: string): string {
    const old = this.#tables.length >= 3 ? this.#tables.shift() : undefined;
    const table = `fresh_${name}`;
    this.#tables.push(table);
    return `${old === undefined ? '' : `DROP TABLE IF EXISTS ${old};`} CREATE TABLE ${table} (id int PRIMARY KEY, v text);
      INSERT INTO ${table} SELECT g, md5(g::text) FROM generate_series(1, 300) g; UPDATE ${table} SET v = 'later' WHERE id < 20`;
  }
}
