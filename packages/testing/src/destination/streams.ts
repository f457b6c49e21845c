import { addDays, type Row, type Slice, type StreamSpec } from '@etl/core';

export const ORDERS: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'status', type: 'string', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};
export const CHANGES: StreamSpec = { ...ORDERS, name: 'changes', versionColumn: '_version', deletedColumn: '_deleted' };
export const EVENTS: StreamSpec = { ...ORDERS, name: 'events', primaryKey: [], writeDisposition: 'append' };
export const CATALOG: StreamSpec = { ...ORDERS, name: 'catalog', writeDisposition: 'replace' };
export const REPORT: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'account_id', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'ad_id', type: 'string', nullable: false },
    { name: 'spend', type: 'decimal', precision: 18, scale: 6, nullable: true },
  ],
  primaryKey: ['account_id', 'day', 'ad_id'],
  writeDisposition: 'replace',
  scope: { keys: ['account_id'], day: 'day' },
};

export function reportSlice(account: string, day: string): Slice {
  const scope = { equals: { account_id: account }, days: { start: day, end: addDays(day, 1) } };
  return { key: `${account}/${day}`, scope };
}

export function reportRow(account: string, day: string, ad: string, spend: string): Row {
  return { account_id: account, day, ad_id: ad, spend };
}
