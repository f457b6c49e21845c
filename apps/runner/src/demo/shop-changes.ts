import type { ShopStep } from './shop-rows.ts';

/** What happens in the shop between two runs: everything a change log has to carry. */
export const SHOP_CHANGES: readonly ShopStep[] = [
  {
    name: 'new customers with orders',
    sql: /* sql */ `
      BEGIN;
      INSERT INTO customers
      SELECT i, 'new' || i || '@mail.example', 'Ünal ' || i, NULL, NULL, true, 0, '{"vip": true}', NULL, timestamptz '2026-11-02 09:00:00.123456+00'
      FROM generate_series(24001, 26000) AS i;
      INSERT INTO orders
      SELECT i, 24001 + i % 2000, 'paid', 199.99, 'EUR', ARRAY['WELCOME'], world.id(i, 86), NULL, timestamptz '2026-11-02 09:00:00.123456+00', timestamptz '2026-11-02 09:00:00.123456+00'
      FROM generate_series(52001, 54500) AS i;
      INSERT INTO order_items
      SELECT i, 1, world.id(1 + world.dice(i, 90, 3200), 40), 2, 99.99, NULL, date '2027-03-01'
      FROM generate_series(52001, 54500) AS i;
      INSERT INTO payments
      SELECT world.id(i, 100), i, 199.99, 'wallet', true, '{}', '\\xdeadbeef', timestamptz '2026-11-02 09:00:00.123456+00'
      FROM generate_series(52001, 54500) AS i;
      COMMIT;`,
  },
  {
    name: 'trips that took place',
    sql: /* sql */ `UPDATE orders SET status = 'travelled', note = NULL WHERE status = 'paid' AND id % 2 = 0;`,
  },
  {
    name: 'prices, but not the long descriptions beside them',
    sql: /* sql */ `UPDATE products SET price = price + 1, updated_at = timestamptz '2026-11-02 09:00:00.123456+00', gallery = array_append(gallery, 'img/new.jpg') WHERE city_id % 3 = 0;`,
  },
  {
    name: 'withdrawn searches and cancelled items',
    sql: /* sql */ `
      DELETE FROM searches WHERE id % 9 = 0;
      DELETE FROM order_items WHERE line_no > 1 AND order_id IN (SELECT id FROM orders WHERE status = 'cancelled');`,
  },
  {
    name: 'new keys for old rows',
    sql: /* sql */ `
      UPDATE loyalty.accounts SET number = 'G' || number WHERE customer_id % 25 = 0;
      UPDATE exchange_rates SET day = day + 1000 WHERE currency = 'BRL' AND day < '2026-01-01';
      UPDATE payments SET id = world.id(order_id, 999) WHERE order_id % 1000 = 0;`,
  },
  {
    name: 'a table emptied and filled again',
    sql: /* sql */ `
      TRUNCATE flash_sales;
      INSERT INTO flash_sales SELECT i, world.id(i * 5, 40), 50, timestamptz '2026-11-02 09:00:00.123456+00' FROM generate_series(50, 75) AS i;`,
  },
  {
    name: 'a new column, and values in it',
    sql: /* sql */ `
      ALTER TABLE orders ADD COLUMN carbon_kg numeric(10, 3);
      UPDATE orders SET carbon_kg = world.dice(id, 200, 900000) / 1000.0 WHERE id % 10 = 0;`,
  },
  {
    name: 'several changes of one row in one transaction',
    sql: /* sql */ `
      BEGIN;
      INSERT INTO reviews SELECT i, world.id(1, 40), 1, 5, 'first', 0, '{}', timestamptz '2026-11-02 09:00:00.123456+00' FROM generate_series(20001, 20200) AS i;
      UPDATE reviews SET body = 'second', stars = 4 WHERE id BETWEEN 20001 AND 20100;
      DELETE FROM reviews WHERE id BETWEEN 20001 AND 20050;
      DELETE FROM reviews WHERE id BETWEEN 1 AND 50;
      INSERT INTO reviews SELECT i, world.id(2, 40), 2, 1, 'again', 1, '{7}', timestamptz '2026-11-02 09:00:00.123456+00' FROM generate_series(1, 25) AS i;
      COMMIT;`,
  },
  {
    name: 'changes that were taken back',
    sql: /* sql */ `
      BEGIN;
      DELETE FROM travellers;
      UPDATE customers SET full_name = 'nobody';
      ROLLBACK;
      BEGIN;
      UPDATE customers SET loyalty_points = loyalty_points + 1 WHERE id % 20 = 0;
      SAVEPOINT doubtful;
      UPDATE customers SET loyalty_points = 0;
      ROLLBACK TO SAVEPOINT doubtful;
      COMMIT;`,
  },
];
