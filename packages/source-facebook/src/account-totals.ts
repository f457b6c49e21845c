import { dayIn, type ReadRequest } from '@etl/core';
import type { AdAccount } from './ad-accounts.ts';
import { decimalOf, scaledOf, textOf } from './exact-text.ts';
import type { GraphClient } from './graph-client.ts';
import { pagesOf } from './graph-list.ts';
import type { ResolvedOptions } from './options.ts';
import { totalsParameters } from './report-request.ts';
import type { ReportDays } from './report-split.ts';

const SCALE = 6;
/** The platform rounds the spend of each row to its last digit, so half of it per row is no difference. */
const ROUNDING = 5_000n;
const SPEND = 'spend';
const PERMILLION = 1_000_000n;

/** The column that holds what the platform's totals are compared with: they are in the currency of the account. */
export function reconciledColumn(field: string, isRestated: boolean): string {
  return isRestated && field === SPEND ? 'spend_source' : field;
}

/** Sums of a day, by field, in units of 10⁻⁶. */
interface DaySums {
  rows: bigint;
  readonly sums: Map<string, bigint>;
}

/**
 * Compares the rows of an account with the account's own report, per day and field, before they are published.
 *
 * What is compared adds up: spend, impressions, clicks. Counts of people and ratios do not, and are not. A day
 * that the platform still restates may differ by `reconcileTolerance`, for its totals are asked for some
 * minutes after its rows; today, which goes on while it is read, by anything.
 */
export class AccountTotals {
  readonly #graph: GraphClient;
  readonly #options: ResolvedOptions;
  readonly #fields: readonly string[];
  readonly #account: AdAccount;
  readonly #days = new Map<string, DaySums>();

  constructor(graph: GraphClient, options: ResolvedOptions, account: AdAccount, fields: readonly string[]) {
    this.#graph = graph;
    this.#options = options;
    this.#fields = fields;
    this.#account = account;
  }

  add(row: Readonly<Record<string, unknown>>): void {
    if (this.#fields.length === 0) return;
    const day = this.#of(String(row['date_start']));
    day.rows += 1n;
    for (const field of this.#fields) {
      const value = decimalOf(row[this.#columnOf(field)], SCALE);
      if (value !== undefined) day.sums.set(field, (day.sums.get(field) ?? 0n) + scaledOf(value, SCALE));
    }
  }

  /**
   * The sums that the rows have to have: theirs where each day is within the tolerance; else more where days
   * lack something, or less where they have too much, whichever is more of it.
   * `undefined` when nothing is compared.
   */
  async expected(range: ReportDays, request: ReadRequest): Promise<Readonly<Record<string, string>> | undefined> {
    if (this.#fields.length === 0) return undefined;
    const platform = await this.#platformSums(range, request);
    const now = request.now ?? new Date(this.#graph.clock.now());
    const today = dayIn(this.#account.timeZone, now);
    const days = [...new Set([...platform.keys(), ...this.#days.keys()])];
    return Object.fromEntries(
      this.#fields.map((field) => {
        let [sum, more, less] = [0n, 0n, 0n];
        for (const day of days) {
          const { rows, sums } = this.#of(day);
          const ours = sums.get(field) ?? 0n;
          const theirs = platform.get(day)?.get(field) ?? 0n;
          sum += ours;
          if (day >= today || isWithin(ours, theirs, this.#toleranceOf(day, today, field, { theirs, rows }))) continue;
          if (theirs > ours) more += theirs - ours;
          else less += ours - theirs;
        }
        // Numbers that are of another day would make up for each other.
        return [this.#columnOf(field), textOf(sum + (more >= less ? more : -less), SCALE)];
      }),
    );
  }

  #columnOf(field: string): string {
    return reconciledColumn(field, this.#options.reportingCurrency !== undefined);
  }

  #toleranceOf(
    day: string,
    today: string,
    field: string,
    { theirs, rows }: { readonly theirs: bigint; readonly rows: bigint },
  ): bigint {
    const { reconcileTolerance, lookbackDays } = this.#options.insights;
    const ageDays = (Date.parse(today) - Date.parse(day)) / 86_400_000;
    const share = ageDays <= lookbackDays ? BigInt(Math.round(reconcileTolerance * Number(PERMILLION))) : 0n;
    return (theirs * share) / PERMILLION + (field === SPEND ? rows * ROUNDING : 0n);
  }

  async #platformSums(range: ReportDays, request: ReadRequest): Promise<ReadonlyMap<string, Map<string, bigint>>> {
    const accountId = this.#account.id;
    const query = totalsParameters(range, this.#fields);
    const sums = new Map<string, Map<string, bigint>>();
    const list = { path: `act_${accountId}/insights`, query, accountId, pageSize: 100 };
    for await (const page of pagesOf(this.#graph, list, request)) {
      for (const row of page) {
        const values = this.#fields.map((field): [string, bigint] => [
          field,
          scaledOf(decimalOf(row[field], SCALE) ?? '0', SCALE),
        ]);
        sums.set(String(row['date_start']), new Map(values));
      }
    }
    return sums;
  }

  #of(day: string): DaySums {
    const known = this.#days.get(day) ?? { rows: 0n, sums: new Map<string, bigint>() };
    this.#days.set(day, known);
    return known;
  }
}

function isWithin(one: bigint, other: bigint, tolerance: bigint): boolean {
  const difference = one > other ? one - other : other - one;
  return difference <= tolerance;
}
