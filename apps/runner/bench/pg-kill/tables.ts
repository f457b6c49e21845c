/** A table that is written to at random. */
export interface KillTable {
  readonly name: string;
  /** Ids that rows are given; others come from moving keys and from big transactions. */
  readonly ids: number;
  /** Whether all keys may be moved by one at once. */
  readonly isSwappable: boolean;
}

const COLUMNS = `v text, n int, amount numeric(12, 2), at timestamptz, tags text[], doc jsonb, big text`;

/** One of each kind: plain, whole old rows, movable keys, an index as the key, partitions of partitions. */
export const TABLES: readonly KillTable[] = [
  { name: 'plain', ids: 400, isSwappable: false },
  { name: 'whole', ids: 300, isSwappable: false },
  { name: 'seats', ids: 60, isSwappable: true },
  { name: 'coded', ids: 300, isSwappable: false },
  { name: 'parts', ids: 300, isSwappable: false },
];

export const SCHEMA = `
CREATE TABLE plain (id bigint PRIMARY KEY, ${COLUMNS});
CREATE TABLE whole (id bigint PRIMARY KEY, ${COLUMNS});
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE TABLE seats (id bigint PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, ${COLUMNS});
ALTER TABLE seats REPLICA IDENTITY FULL;
CREATE TABLE coded (id bigint NOT NULL, ${COLUMNS});
CREATE UNIQUE INDEX coded_id ON coded (id);
ALTER TABLE coded REPLICA IDENTITY USING INDEX coded_id;
CREATE TABLE parts (id bigint PRIMARY KEY, ${COLUMNS}) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (150);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (150) TO (MAXVALUE) PARTITION BY HASH (id);
CREATE TABLE parts_high_0 PARTITION OF parts_high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_high_1 PARTITION OF parts_high FOR VALUES WITH (MODULUS 2, REMAINDER 1);
${['plain', 'whole', 'coded', 'parts_low', 'parts_high_0', 'parts_high_1']
  .map((table) => `ALTER TABLE ${table} ALTER big SET STORAGE EXTERNAL;`)
  .join('\n')}
INSERT INTO plain (id, v, amount, at, tags) SELECT g, 'old', g / 7.0, now(), ARRAY['a', NULL, 'c,d'] FROM generate_series(1, 10000) g;
INSERT INTO parts (id, v, n) SELECT g, 'old', g FROM generate_series(1, 3000) g;
`;
