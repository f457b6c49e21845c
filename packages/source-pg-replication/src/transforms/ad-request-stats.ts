import type { ColumnSpec } from '@etl/core';
import type { DerivedStream } from '../derived-stream.ts';
import { ADS, SERVER_LOG, verticalOf, type ServerLogOptions } from './inline-ad-logs.ts';
import { listAt, parsed, textAt } from './json-path.ts';

const text = (name: string): ColumnSpec => ({ name, type: 'string', nullable: true });

/** One row for each log of an inline ad, with how many ads it shows; logs of other names give none. */
export function adRequestStats(options: ServerLogOptions = {}): DerivedStream {
  const { name = 'ad_request_stats', from, request, response } = { ...SERVER_LOG, ...options };
  return {
    name,
    from,
    columns: [
      { name: 'id', type: 'int64', nullable: false },
      ...['user_id', 'name', 'vertical', 'country', 'os', 'device_type', 'source'].map(text),
      { name: 'ad_count', type: 'int32', nullable: true },
      { name: 'request_time', type: 'timestamp', nullable: true },
    ],
    primaryKey: ['id'],
    maxRows: 1,
    version: 1,
    key: ({ id }) => ({ id: String(id) }),
    derive(row) {
      const about = verticalOf(row['name']);
      if (about === undefined) return [];
      const asked = parsed(row[request]);
      return [
        {
          user_id: textAt(row, ['user_id']) ?? textAt(asked, ['user_id', 'userId']),
          name: textAt(row, ['name']),
          vertical: about.vertical,
          country:
            (textAt(asked, ['country', 'countryCode', 'country_code']) ?? textAt(row, ['country']))?.toUpperCase() ??
            null,
          os: textAt(asked, ['os', 'userAgent.os']) ?? textAt(row, ['os']),
          device_type: textAt(asked, ['deviceType', 'device_type', 'device']) ?? textAt(row, ['device_type']),
          source: (textAt(asked, ['source']) ?? textAt(row, ['source']))?.toLowerCase() ?? null,
          ad_count: listAt(parsed(row[response]), ADS).length,
          request_time: row['created_at'] ?? null,
        },
      ];
    },
  };
}
