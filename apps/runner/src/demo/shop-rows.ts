/** One step of filling the shop: a name for people, and the statement. */
export interface ShopStep {
  readonly name: string;
  readonly sql: string;
}

/**
 * Deterministic dice inside PostgreSQL: the same world on every machine, and made in seconds since no
 * row ever leaves the server. `dice(i, salt, sides)` is 0 … sides − 1.
 */
const DICE = /* sql */ `
CREATE SCHEMA world;
CREATE FUNCTION world.dice(i bigint, salt bigint, sides bigint) RETURNS bigint
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (hashint8extended(i, salt) & 9223372036854775807) % sides;
CREATE FUNCTION world.id(i bigint, salt bigint) RETURNS uuid
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN md5(i::text || '/' || salt::text)::uuid;
CREATE FUNCTION world.pick(i bigint, salt bigint, VARIADIC choices text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN choices[1 + (hashint8extended(i, salt) & 9223372036854775807) % cardinality(choices)];
CREATE FUNCTION world.instant(i bigint, salt bigint) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN timestamptz '2026-11-01 00:00:00+00'
    - make_interval(secs => ((hashint8extended(i, salt) & 9223372036854775807) % 63072000000000) / 1000000.0);
`;

const COUNTRIES = /* sql */ `
INSERT INTO countries VALUES
  ('AE', 'United Arab Emirates', 'الإمارات', 'AED', 10480000, true),
  ('AT', 'Austria', 'Österreich', 'EUR', 9130000, true),
  ('BR', 'Brazil', 'Brasil', 'BRL', 212600000, true),
  ('CZ', 'Czechia', 'Česko', 'CZK', 10880000, true),
  ('DE', 'Germany', 'Deutschland', 'EUR', 84700000, true),
  ('EG', 'Egypt', 'مصر', 'EGP', 114500000, false),
  ('ES', 'Spain', 'España', 'EUR', 48800000, true),
  ('FR', 'France', 'France', 'EUR', 68400000, true),
  ('GB', 'United Kingdom', 'United Kingdom', 'GBP', 69200000, true),
  ('GE', 'Georgia', 'საქართველო', 'GEL', 3700000, true),
  ('GR', 'Greece', 'Ελλάδα', 'EUR', 10400000, true),
  ('IN', 'India', 'भारत', 'INR', 1450900000, false),
  ('IS', 'Iceland', 'Ísland', 'ISK', 404000, true),
  ('IT', 'Italy', 'Italia', 'EUR', 58900000, true),
  ('JP', 'Japan', '日本', 'JPY', 123800000, true),
  ('KR', 'South Korea', '대한민국', 'KRW', 51700000, true),
  ('MA', 'Morocco', 'المغرب', 'MAD', 38000000, true),
  ('MX', 'Mexico', 'México', 'MXN', 130900000, true),
  ('NO', 'Norway', 'Norge', 'NOK', 5570000, true),
  ('PL', 'Poland', 'Polska', 'PLN', 36600000, true),
  ('TH', 'Thailand', 'ประเทศไทย', 'THB', 71700000, true),
  ('TR', 'Türkiye', 'Türkiye', 'TRY', 85500000, true),
  ('US', 'United States', 'United States', 'USD', 340100000, false),
  ('VN', 'Vietnam', 'Việt Nam', 'VND', 101000000, false);
`;

const CITIES = /* sql */ `
INSERT INTO cities
SELECT i,
  (SELECT array_agg(code ORDER BY code) FROM countries)[1 + world.dice(i, 1, 24)],
  world.pick(i, 2, 'Port', 'Alt', 'San', 'Nový', 'Ober', 'Bad', 'Ο Άγιος', 'Nørre') || ' '
    || world.pick(i, 3, 'Miravel', 'Ångberg', 'Ćuprija', 'Łąka', '港町', 'Vík', 'Şirince', 'Ōkami', 'Zürs') || ' ' || i,
  (world.dice(i, 4, 170000000) - 85000000) / 1000000.0,
  (world.dice(i, 5, 360000000) - 180000000) / 1000000.0,
  CASE WHEN world.dice(i, 6, 9) > 0 THEN (world.dice(i, 7, 3200) - 200)::smallint END,
  (ARRAY['beach', 'old town', 'museum "must see"', 'night\\life', 'família', '温泉', 'a,b', ''])[1 + world.dice(i, 8, 4) : world.dice(i, 9, 9)],
  ARRAY(SELECT (world.dice(i * 12 + month, 10, 4000) / 10.0)::real FROM generate_series(1, 12) AS month)
FROM generate_series(1, 480) AS i;
`;

const SUPPLIERS = /* sql */ `
INSERT INTO suppliers
SELECT world.id(i, 20),
  world.pick(i, 21, 'Blue', 'Grand', 'Petit', 'Königs', 'Sakura', 'Đại', 'Nordic') || ' '
    || world.pick(i, 22, 'Lodge', 'Air', 'Tours', 'Gallery', 'Wheels', '旅館') || ' ' || i,
  (enum_range(NULL::supplier_kind))[1 + world.dice(i, 23, 5)],
  world.dice(i, 24, 3500) / 10000.0,
  CASE WHEN world.dice(i, 25, 5) > 0 THEN jsonb_build_object(
    'phone', '+' || world.dice(i, 26, 9999999999), 'languages', jsonb_build_array('en', world.pick(i, 27, 'de', 'fr', '日本語')),
    'rating', world.dice(i, 28, 500) / 100.0, 'big', 9007199254740993) END,
  CASE WHEN world.dice(i, 29, 4) > 0 THEN date '1900-01-01' + world.dice(i, 30, 45000)::integer END,
  CASE WHEN world.dice(i, 31, 3) > 0 THEN decode(repeat(md5(i::text), 1 + world.dice(i, 32, 40)::integer), 'hex') END,
  CASE world.dice(i, 33, 10) WHEN 0 THEN NULL WHEN 1 THEN false ELSE true END
FROM generate_series(1, 420) AS i;
`;

// Every eighth description is long and hardly compressible: it is stored out of line.
const PRODUCTS = /* sql */ `
INSERT INTO products
SELECT world.id(i, 40), world.id(1 + world.dice(i, 41, 420), 20), 1 + world.dice(i, 42, 480)::integer,
  world.pick(i, 43, 'Sunset', 'Hidden', 'Royal', 'Family', 'Slow', 'Wild') || ' '
    || world.pick(i, 44, 'kayak tour', 'châlet', 'Städtetrip', 'ramen class 🍜', 'safari', 'rafting', 'walk') || ' #' || i,
  CASE WHEN i % 8 = 0
    THEN (SELECT string_agg(md5(i || ':' || part), ' ' ORDER BY part) FROM generate_series(1, 180) AS part) || ' — fin 🏁'
    WHEN i % 11 = 0 THEN NULL
    ELSE 'Meet at the fountain.' || E'\\n\\t' || 'Bring "water" & a hat; price incl. 10 % tax.' END,
  world.dice(i, 45, 250000) / 100.0, world.pick(i, 46, 'EUR', 'USD', 'AED', 'JPY'),
  jsonb_build_object('stars', world.dice(i, 47, 6), 'wifi', world.dice(i, 48, 2) = 1, 'sku', 9223372036854775807 - i,
    'texts', jsonb_build_object('fr', 'déjà vu', 'zh', '旅行', 'quote', '"\\'), 'none', NULL),
  ARRAY(SELECT 'img/' || i || '/' || n || '.jpg' FROM generate_series(1, world.dice(i, 49, 4)) AS n),
  CASE WHEN world.dice(i, 50, 3) = 0 THEN (world.dice(i, 51, 18))::smallint END,
  CASE WHEN world.dice(i, 52, 4) > 0 THEN time '06:00' + make_interval(mins => (world.dice(i, 53, 900))::integer) END,
  CASE world.dice(i, 56, 4) WHEN 0 THEN NULL WHEN 1 THEN 10::numeric ^ 40 + i ELSE world.dice(i, 57, 90000) / 1000.0 END,
  date '2025-01-01' + world.dice(i, 54, 900)::integer,
  world.instant(i, 55)
FROM generate_series(1, 3200) AS i;
`;

const CUSTOMERS = /* sql */ `
INSERT INTO customers
SELECT i, 'traveller' || i || '@' || world.pick(i, 60, 'mail', 'post', 'inbox') || '.example',
  world.pick(i, 61, 'Zoë', 'Jürgen', 'Müge', 'Nguyễn', 'Søren', 'Αλέξης', 'Иван', '美咲', 'Fatima', 'O''Neil') || ' '
    || world.pick(i, 62, 'Ağaoğlu', 'Schmidt', 'da Silva', 'Ødegård', '山本', 'Петрова', 'García', 'Łukasz'),
  CASE WHEN world.dice(i, 63, 3) > 0 THEN '+' || (10000000000 + world.dice(i, 64, 89999999999)) END,
  CASE WHEN world.dice(i, 65, 5) > 0 THEN date '1936-01-01' + world.dice(i, 66, 26000)::integer END,
  world.dice(i, 67, 2) = 1, (world.dice(i, 68, 4000000) - 2000000)::integer,
  CASE WHEN world.dice(i, 69, 4) > 0 THEN jsonb_build_object('seat', world.pick(i, 70, 'aisle', 'window'),
    'diet', CASE WHEN world.dice(i, 71, 5) = 0 THEN 'végan' END, 'score', world.dice(i, 72, 100000) / 1000.0) END,
  CASE WHEN world.dice(i, 73, 6) = 0 THEN world.id(i, 74) END,
  world.instant(i, 75)
FROM generate_series(1, 8000) AS i;
`;

const ORDERS = /* sql */ `
INSERT INTO orders
SELECT i, 1 + world.dice(i, 80, 8000), (enum_range(NULL::order_status))[1 + world.dice(i, 81, 5)],
  world.dice(i, 82, 900000000) / 100.0 - 1000, world.pick(i, 83, 'EUR', 'USD', 'AED', 'GBP'),
  (ARRAY['SUMMER26', 'Früh-"Bucher"', 'ÉTÉ', NULL, 'x'])[1 : world.dice(i, 84, 10)],
  CASE WHEN world.dice(i, 85, 4) > 0 THEN world.id(i, 86) END,
  CASE world.dice(i, 87, 12) WHEN 0 THEN '' WHEN 1 THEN 'two beds,' || E'\\r\\n' || 'late check-in 🌙' WHEN 2 THEN '\\N' END,
  world.instant(i, 88),
  CASE WHEN world.dice(i, 81, 5) > 0 THEN world.instant(i, 88) + interval '7 minutes 0.000001 second' END
FROM generate_series(1, 16000) AS i;
`;

const ORDER_ITEMS = /* sql */ `
INSERT INTO order_items
SELECT i, line, world.id(1 + world.dice(i * 4 + line, 90, 3200), 40), 1 + world.dice(i * 4 + line, 91, 6),
  world.dice(i * 4 + line, 92, 250000) / 100.0,
  CASE WHEN world.dice(i * 4 + line, 93, 3) = 0 THEN (world.dice(i * 4 + line, 94, 1000) / 3000.0)::real END,
  date '2026-06-01' + world.dice(i * 4 + line, 95, 500)::integer
FROM generate_series(1, 16000) AS i, generate_series(1, 1 + world.dice(i, 96, 3)) AS line;
`;

const PAYMENTS = /* sql */ `
INSERT INTO payments
SELECT world.id(i, 100), i, world.dice(i, 101, 900000000000) / 1000000.0,
  (enum_range(NULL::payment_method))[1 + world.dice(i, 102, 4)],
  CASE world.dice(i, 103, 20) WHEN 0 THEN NULL WHEN 1 THEN false ELSE true END,
  CASE WHEN world.dice(i, 104, 10) > 0 THEN ('{"id": "' || md5(i::text) || '",  "amount": 12.50, "amount": ' || world.dice(i, 105, 99) || '}')::json END,
  decode(md5(i || 'card'), 'hex'), world.instant(i, 88) + interval '7 minutes'
FROM generate_series(1, 16000) AS i WHERE world.dice(i, 81, 5) > 0;
`;

const TRAVELLERS = /* sql */ `
INSERT INTO travellers
SELECT i, 1 + world.dice(i, 110, 16000), world.pick(i, 111, 'Ana', 'Björn', 'Chloé', 'Đặng', 'Ewa') || ' ' || world.pick(i, 112, 'Ng', 'Öz', 'Roy', 'Šik'),
  CASE WHEN world.dice(i, 113, 8) > 0 THEN date '1940-01-01' + world.dice(i, 114, 29000)::integer END,
  CASE WHEN world.dice(i, 115, 3) > 0 THEN decode(md5(i || 'passport'), 'hex') || '\\x00ff'::bytea END,
  (ARRAY[1.5, NULL, -0.25, 1000.00])[1 : world.dice(i, 116, 6)]
FROM generate_series(1, 11000) AS i;
`;

const REVIEWS = /* sql */ `
INSERT INTO reviews
SELECT i, world.id(1 + world.dice(i, 120, 3200), 40), 1 + world.dice(i, 121, 8000), 1 + world.dice(i, 122, 5),
  CASE WHEN world.dice(i, 123, 6) > 0 THEN world.pick(i, 124, 'Très bien', 'Never again!', '最高でした。', 'Wunderschön 😍', 'ok') || repeat(' …', world.dice(i, 125, 60)::integer) END,
  CASE world.dice(i, 126, 40) WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-0'::float8 WHEN 3 THEN NULL ELSE world.dice(i, 127, 2000001) / 1000003.0 - 1 END,
  ARRAY(SELECT 1 + world.dice(i * 5 + n, 128, 8000) FROM generate_series(1, world.dice(i, 129, 4)) AS n),
  world.instant(i, 130) AT TIME ZONE 'UTC'
FROM generate_series(1, 4500) AS i;
`;

const SEARCHES = /* sql */ `
INSERT INTO searches
SELECT i, CASE WHEN world.dice(i, 140, 3) > 0 THEN 1 + world.dice(i, 141, 8000) END,
  world.pick(i, 142, 'lisboa', 'tōkyō', 'beach + kids', 'МОСКВА', 'ski 100%', 'weekend 🚆') || ' ' || world.dice(i, 143, 500),
  ARRAY(SELECT 1 + world.dice(i * 7 + n, 144, 480)::integer FROM generate_series(1, world.dice(i, 145, 6)) AS n),
  CASE WHEN world.dice(i, 146, 2) = 0 THEN jsonb_build_object('max', world.dice(i, 147, 2000), 'sort', world.pick(i, 148, 'price', 'stars')) END,
  world.dice(i, 149, 3000), world.instant(i, 150)
FROM generate_series(1, 14000) AS i;
`;

const SMALL_TABLES = /* sql */ `
INSERT INTO exchange_rates
SELECT day, currency, 1 + world.dice(hashtext(day || currency), 160, 9000000000) / 10000000000.0
FROM generate_series(date '2025-11-01', date '2026-10-31', interval '1 day') AS days(day),
  unnest(ARRAY['USD', 'AED', 'GBP', 'JPY', 'TRY', 'BRL']) AS currency;
INSERT INTO flash_sales
SELECT i, world.id(i * 3, 40), 5 + world.dice(i, 170, 60), CASE WHEN i % 7 > 0 THEN world.instant(i, 171) END
FROM generate_series(1, 60) AS i;
INSERT INTO loyalty.accounts
SELECT 'FF-' || lpad(i::text, 6, '0'), i * 4, world.pick(i, 180, 'blue', 'silver', 'gold', 'platine ✨'),
  world.dice(i, 181, 90000000000) / 10000.0, CASE WHEN i % 5 > 0 THEN date '2027-01-01' + world.dice(i, 182, 700)::integer END
FROM generate_series(1, 2000) AS i;
`;

/** Fills the shop, in the order of its references. */
export const SHOP_ROWS: readonly ShopStep[] = [
  { name: 'countries', sql: DICE + COUNTRIES },
  { name: 'cities', sql: CITIES },
  { name: 'suppliers', sql: SUPPLIERS },
  { name: 'products', sql: PRODUCTS },
  { name: 'customers', sql: CUSTOMERS },
  { name: 'orders', sql: ORDERS },
  { name: 'order items', sql: ORDER_ITEMS },
  { name: 'payments', sql: PAYMENTS },
  { name: 'travellers', sql: TRAVELLERS },
  { name: 'reviews', sql: REVIEWS },
  { name: 'searches', sql: SEARCHES },
  { name: 'small tables', sql: SMALL_TABLES },
];
