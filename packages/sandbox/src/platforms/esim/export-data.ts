import { Random, hashDigits } from '../../random.ts';

/** One row as the API writes it; numbers beyond 2^53 are `bigint`. */
export type ExportRow = Readonly<Record<string, unknown>>;

export const DATASETS = ['users', 'user_merges', 'sessions', 'orders', 'order_line_items'] as const;
export type ExportDataset = (typeof DATASETS)[number];

interface Event {
  readonly dataset: ExportDataset;
  readonly visibleAt: number;
  readonly row: ExportRow;
}

interface Plan {
  readonly plan: string;
  readonly data_gb: number;
}

const HOUR = 3_600_000;

const COUNTRIES = ['AE', 'GB', 'DE', 'FR', 'ES', 'IT', 'US', 'JP', 'TR', 'TH'] as const;
const FIRST_NAMES = ['Aisha', 'Omar', 'Emma', 'Noah', 'Zoë', 'Luca', 'Mei', 'Ayşe', 'Niran', 'Sofía'] as const;
const PLANS: readonly [Plan, ...Plan[]] = [
  { plan: 'eu-5gb', data_gb: 5 },
  { plan: 'us-3gb', data_gb: 3 },
  { plan: 'asia-10gb', data_gb: 10 },
  { plan: 'tr-1gb', data_gb: 1 },
  { plan: 'ae-500mb', data_gb: 0.5 },
];

/** An order begins somewhere beyond what a double holds, so that neighbours differ in the last digits only. */
const FIRST_LINE_ITEM = 9_007_199_254_740_993n;

/** The tables behind the API. Hour after hour rows come and change, by the seed alone. */
export class ExportData {
  readonly #seed: string;
  readonly #tables = new Map<ExportDataset, Map<string, ExportRow>>(DATASETS.map((name) => [name, new Map()]));
  readonly #extra = new Map<ExportDataset, Map<string, readonly unknown[]>>();
  readonly #removed = new Map<ExportDataset, Set<string>>(DATASETS.map((name) => [name, new Set()]));
  #hour: number;
  #pending: Event[] = [];
  #counter = 0;

  constructor(seed: string, now: number, historyDays: number) {
    this.#seed = seed;
    this.#hour = Math.floor(now / HOUR) - historyDays * 24;
    this.advance(now);
  }

  /** The rows at a moment, those of a transaction that is not committed yet left out. */
  rows(dataset: ExportDataset, now: number): readonly ExportRow[] {
    this.advance(now);
    const rows = [...this.#table(dataset).values()];
    const removed = this.#removed.get(dataset) ?? new Set();
    const added = [...(this.#extra.get(dataset)?.keys() ?? [])];
    if (removed.size === 0 && added.length === 0) return rows;
    const empty = Object.fromEntries(added.map((name) => [name, null]));
    return rows.map((row) =>
      Object.fromEntries(Object.entries({ ...empty, ...row }).filter(([name]) => !removed.has(name))),
    );
  }

  /** From now on rows have this column: those that come or change one of the values, the others NULL. */
  addColumn(dataset: ExportDataset, name: string, values: readonly unknown[]): void {
    this.#removed.get(dataset)?.delete(name);
    const extra = this.#extra.get(dataset) ?? new Map<string, readonly unknown[]>();
    this.#extra.set(dataset, extra.set(name, values));
  }

  /** From now on no row has this column, as after a migration that nobody announced. */
  removeColumn(dataset: ExportDataset, name: string): void {
    this.#removed.get(dataset)?.add(name);
  }

  /** The first `count` rows are no longer there. */
  removeRows(dataset: ExportDataset, count: number): void {
    for (const id of [...this.#table(dataset).keys()].slice(0, count)) this.#table(dataset).delete(id);
  }

  /** Changes `count` rows at once, all with the same `updated_at`. */
  touch(dataset: 'users' | 'sessions' | 'orders', count: number, now: number): void {
    this.advance(now);
    const at = moment(now, 0);
    for (const [id, row] of [...this.#table(dataset)].slice(0, count))
      this.#put(dataset, id, { ...row, updated_at: at });
  }

  advance(now: number): void {
    for (; (this.#hour + 1) * HOUR <= now; this.#hour += 1) {
      this.#apply(this.#hour * HOUR);
      this.#pending.push(...this.#eventsOf(this.#hour));
      this.#pending.sort((a, b) => a.visibleAt - b.visibleAt);
    }
    this.#apply(now);
  }

  #apply(now: number): void {
    while (this.#pending[0] !== undefined && this.#pending[0].visibleAt <= now) {
      const { dataset, row } = this.#pending.shift() as Event;
      this.#put(dataset, String(row['id']), row);
    }
  }

  #eventsOf(hour: number): Event[] {
    const random = new Random(`${this.#seed}|esim|${hour}`);
    const events: Event[] = [];
    const add = (
      dataset: ExportDataset,
      watermark: string,
      row: ExportRow,
      at = hour * HOUR + random.integer(0, HOUR - 1),
    ): void => {
      // A transaction takes its time, and its rows are dated when it began.
      const visibleAt = at + (random.chance(0.2) ? random.integer(1000, 600_000) : 0);
      events.push({ dataset, visibleAt, row: { ...row, [watermark]: moment(at, random.integer(0, 999)) } });
    };
    const id = (kind: string): string => hashDigits(`${this.#seed}|${kind}|${(this.#counter += 1)}`, 24);
    const created = moment(hour * HOUR, 0);
    for (let user = random.integer(1, 3); user > 0; user -= 1) {
      const person = {
        email: `${hashDigits(`${this.#seed}|${hour}|${user}`, 10)}@travellers.example`,
        first_name: random.pick(FIRST_NAMES),
        ip_address: `203.0.113.${random.integer(1, 254)}`,
      };
      const userId = id('user');
      add('users', 'updated_at', {
        id: userId,
        ...person,
        country: random.pick(COUNTRIES),
        created_at: created,
      });
      add('sessions', 'updated_at', {
        id: id('session'),
        user_id: userId,
        page_views: random.integer(1, 30),
        is_bot: random.chance(0.1),
        utm_source: random.chance(0.5) ? null : 'ads',
      });
      if (random.chance(0.1))
        add('user_merges', 'merged_at', { id: id('merge'), from_user_id: id('user'), to_user_id: userId });
      const orderId = id('order');
      const subtotal = random.integer(300, 9000) / 100;
      add('orders', 'updated_at', {
        id: orderId,
        user_id: userId,
        status: 'paid',
        currency: 'EUR',
        subtotal_eur: subtotal,
        profit_eur: Math.round(subtotal * 20) / 100,
        item_count: 2,
        is_cart: false,
        created_at: created,
      });
      for (let item = 0; item < 2; item += 1) {
        this.#counter += 1;
        add('order_line_items', 'created_at', {
          id: FIRST_LINE_ITEM + BigInt(this.#counter),
          order_id: orderId,
          ...random.pick(PLANS),
        });
      }
    }
    const orders = [...this.#table('orders').values()];
    // What a back office does to many orders at once gives them one moment.
    const bulk = hour % 12 === 0 ? hour * HOUR + random.integer(0, HOUR - 1) : undefined;
    const count = bulk === undefined ? random.integer(0, 3) : 12;
    const changed = new Set<ExportRow>();
    for (let index = 0; index < count && orders.length > 0; index += 1)
      changed.add(orders[random.integer(0, orders.length - 1)] as ExportRow);
    const changes = [...changed].map((row) => ({ ...row, status: random.pick(['paid', 'refunded', 'activated']) }));
    if (bulk === undefined) for (const row of changes) add('orders', 'updated_at', row);
    else
      for (const row of changes)
        events.push({ dataset: 'orders', visibleAt: bulk, row: { ...row, updated_at: moment(bulk, 0) } });
    return events;
  }

  #put(dataset: ExportDataset, id: string, row: ExportRow): void {
    const random = new Random(`${this.#seed}|${dataset}|${id}`);
    const extra = [...(this.#extra.get(dataset) ?? [])].map(([name, values]) => [
      name,
      values[random.integer(0, values.length - 1)],
    ]);
    this.#table(dataset).set(id, { ...row, ...Object.fromEntries(extra) });
  }

  #table(dataset: ExportDataset): Map<string, ExportRow> {
    return this.#tables.get(dataset) as Map<string, ExportRow>;
  }
}

function moment(at: number, microseconds: number): string {
  return new Date(at).toISOString().replace('Z', `${String(microseconds).padStart(3, '0')}+00:00`);
}
