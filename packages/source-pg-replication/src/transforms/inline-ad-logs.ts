import type { ColumnSpec, Row } from '@etl/core';
import type { DerivedStream } from '../derived-stream.ts';
import { countAt, listAt, parsed, textAt } from './json-path.ts';

export interface ServerLogOptions {
  /** Name of the derived stream. */
  readonly name?: string;
  /** Stream of the log table. */
  readonly from?: string;
  /** Column with the JSON of what was asked. */
  readonly request?: string;
  /** Column with the JSON of what was answered. */
  readonly response?: string;
}

export const SERVER_LOG = { from: 'server_logs_log', request: 'request', response: 'response' };

/** The vertical that a log of an inline ad is of, and the version of its form; absent for all other logs. */
export function verticalOf(name: unknown): { readonly vertical: string; readonly version: string } | undefined {
  const [, vertical] = /^InlineAdsViewSet\.(car|flight|hotel)$/.exec(String(name)) ?? [];
  if (vertical !== undefined) return { vertical, version: '2.0' };
  return name === 'ad_fetch' ? { vertical: 'flight', version: '1.0' } : undefined;
}

export const ADS = ['ads', 'inlineItems', 'inline_items', 'results', 'data'];

const text = (name: string): ColumnSpec => ({ name, type: 'string', nullable: true });

const COLUMNS: readonly ColumnSpec[] = [
  { name: 'id', type: 'string', nullable: false },
  text('user_id'),
  { name: 'rank', type: 'int32', nullable: true },
  ...['site', 'headline', 'product_type', 'description', 'booking_button_text'].map(text),
  { name: 'cpc_price', type: 'decimal', precision: 24, scale: 12, nullable: true },
  ...['cpc_currency', 'cabin_class'].map(text),
  { name: 'travelers', type: 'int32', nullable: true },
  ...['start_date', 'end_date', 'origin', 'destination', 'os', 'country'].map(text),
  { name: 'created_at', type: 'timestamp', nullable: true },
  text('version'),
];

/** Where a search says what was searched for, by vertical. */
const SEARCH = {
  car: {
    start: ['pickUpDate', 'pickUp.date', 'pick_up_date'],
    end: ['dropOffDate', 'dropOff.date', 'drop_off_date'],
    origin: ['pickUp.locationQuery', 'pickUp.location.query', 'pickUpLocation.locationQuery', 'pickUpLocation'],
    destination: [
      'dropOff.locationQuery',
      'dropOff.location.query',
      'dropOffLocation.locationQuery',
      'dropOffLocation',
    ],
    travelers: ['passengers', 'travelers'],
    cabin: [],
  },
  flight: {
    start: ['legs.0.date', 'legs.0.departureDate', 'start_date'],
    end: ['legs.1.date', 'legs.1.departureDate', 'end_date'],
    origin: ['legs.0.origin', 'legs.0.originAirport', 'legs.0.from', 'origin'],
    destination: ['legs.0.destination', 'legs.0.destinationAirport', 'legs.0.to', 'destination'],
    travelers: ['passengers', 'travelers'],
    cabin: ['cabin', 'cabinClass', 'cabin_class'],
  },
  hotel: {
    start: ['checkIn', 'checkin', 'check_in', 'checkInDate'],
    end: ['checkOut', 'checkout', 'check_out', 'checkOutDate'],
    origin: [],
    destination: ['cityId', 'city_id', 'city'],
    travelers: ['adults', 'guests'],
    cabin: [],
  },
} as const;

/**
 * One row for each ad that a log of an inline ad shows; `id` is `<log id>-<rank>`, counted from 1. Logs of other
 * names give none.
 */
export function inlineAdLogs(options: ServerLogOptions = {}): DerivedStream {
  const { name = 'inline_ad_logs', from, request, response } = { ...SERVER_LOG, ...options };
  return {
    name,
    from,
    columns: COLUMNS,
    primaryKey: ['id'],
    maxRows: 500,
    version: 1,
    key: ({ id }, position) => ({ id: `${String(id)}-${position}` }),
    derive(row) {
      const about = verticalOf(row['name']);
      if (about === undefined) return [];
      const asked = parsed(row[request]);
      return listAt(parsed(row[response]), ADS).map((ad, index) =>
        adRow(row, asked, ad, { ...about, rank: index + 1 }),
      );
    },
  };
}

function adRow(
  log: Row,
  asked: unknown,
  ad: unknown,
  { vertical, version, rank }: { readonly vertical: string; readonly version: string; readonly rank: number },
): Row {
  const search = SEARCH[vertical as keyof typeof SEARCH];
  return {
    user_id: textAt(log, ['user_id']) ?? textAt(asked, ['user_id', 'userId']),
    rank,
    site: textAt(ad, ['site', 'siteName', 'provider']),
    headline: textAt(ad, ['headline', 'title']),
    product_type: textAt(ad, ['productType', 'product_type']) ?? vertical,
    description: textAt(ad, ['description']),
    booking_button_text: textAt(ad, ['bookingButtonText', 'booking_button_text']),
    cpc_price: decimalText(textAt(ad, ['cpc.price', 'cpcEstimate.price', 'cpc_price', 'cpc'])),
    cpc_currency: textAt(ad, ['cpc.currency', 'cpcEstimate.currency', 'cpc_currency']),
    cabin_class: textAt(asked, search.cabin),
    travelers: countAt(asked, search.travelers),
    start_date: textAt(asked, search.start),
    end_date: textAt(asked, search.end),
    origin: textAt(asked, search.origin),
    destination: textAt(asked, search.destination),
    os: textAt(asked, ['os', 'userAgent.os']) ?? textAt(log, ['os']),
    country: textAt(asked, ['country', 'countryCode', 'country_code']) ?? textAt(log, ['country']),
    created_at: log['created_at'] ?? null,
    version,
  };
}

/** What is no plain number is an error, never a price of nothing. Beyond twelve decimals there is only noise. */
function decimalText(value: string | null): string | null {
  if (value === null || /^-?\d{1,12}(\.\d{1,12})?$/.test(value)) return value;
  const number = Number(value);
  if (Number.isFinite(number) && Math.abs(number) < 1e12) return number.toFixed(12);
  throw new Error('the price of an ad is not a number');
}
