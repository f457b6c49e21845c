import { NAMINGS, type Naming } from './action-events.ts';
import { dayNumber, instantOf } from './calendar.ts';
import { hashText } from '../random.ts';

/** An advertising account of the world. */
export interface AdAccount {
  /** Digits without a prefix. Some are beyond 2^53. */
  readonly id: string;
  readonly index: number;
  readonly name: string;
  readonly businessId: string;
  readonly businessName: string;
  /** ISO 4217. */
  readonly currency: string;
  /** IANA name. Days of the account begin at its midnight. */
  readonly timeZone: string;
  readonly createdAt: number;
  /** How trials and subscriptions are named in its reports. */
  readonly naming: Naming;
  /** Has no campaigns and never will. */
  readonly isEmpty: boolean;
}

export interface AdAccountOptions {
  readonly id?: string;
  readonly name?: string;
  readonly business?: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly isEmpty?: boolean;
}

/** Two businesses, five currencies (one without minor units), zones with and without daylight saving time. */
export const DEFAULT_ACCOUNTS: readonly AdAccountOptions[] = [
  { business: 'Harbour Group', currency: 'USD', timeZone: 'America/Los_Angeles' },
  { business: 'Harbour Group', currency: 'GBP', timeZone: 'Europe/London' },
  { business: 'Meridian Travel', currency: 'AED', timeZone: 'Asia/Dubai' },
  { business: 'Meridian Travel', currency: 'JPY', timeZone: 'Asia/Tokyo' },
  { business: 'Meridian Travel', currency: 'NZD', timeZone: 'Pacific/Auckland' },
  { business: 'Harbour Group', currency: 'USD', timeZone: 'America/New_York', isEmpty: true },
];

export function createAccounts(seed: string, options: readonly AdAccountOptions[], firstDay: string): AdAccount[] {
  if (options.length > 99) throw new RangeError('A world has at most 99 accounts.');
  const accounts = options.map((account, index): AdAccount => {
    const business = account.business ?? 'Harbour Group';
    return {
      id: account.id ?? accountId(seed, index),
      index,
      name: account.name ?? `${business} ${account.currency}${account.isEmpty === true ? ' (unused)' : ''}`,
      businessId: `77${String(hashText(`${seed}|business|${business}`)).padStart(13, '0')}`,
      businessName: business,
      currency: account.currency,
      timeZone: account.timeZone,
      createdAt: instantOf(dayNumber(firstDay) - 30 - index, 9 * 60, account.timeZone),
      naming: NAMINGS[index % NAMINGS.length] ?? 'omni',
      isEmpty: account.isEmpty ?? false,
    };
  });
  if (new Set(accounts.map(({ id }) => id)).size < accounts.length) throw new RangeError('Two accounts share an id.');
  return accounts;
}

/** Digits of the smallest unit of a currency, as ISO 4217 has them. */
export function minorDigits(currency: string): number {
  return currency === 'JPY' || currency === 'KRW' || currency === 'VND' || currency === 'CLP' ? 0 : 2;
}

/** An amount of minor units as a decimal with all its digits: `1234` is `12.34` dollars. */
export function decimalText(minorUnits: number, currency: string): string {
  const digits = minorDigits(currency);
  if (digits === 0) return String(minorUnits);
  const text = String(Math.abs(minorUnits)).padStart(digits + 1, '0');
  return `${minorUnits < 0 ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

// The first is short, every second one beyond 2^53: both kinds exist.
function accountId(seed: string, index: number): string {
  const digits = String(hashText(`${seed}|account|${index}`))
    .padStart(10, '0')
    .slice(0, 10);
  const number = String(index).padStart(2, '0');
  return index % 2 === 0 ? `10${digits}${number}1` : `9${digits}8${number}73`;
}
