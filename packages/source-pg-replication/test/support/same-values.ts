import type { Row, StreamSpec, ValueSpec } from '@etl/core';

/** A row in one form, whether it was given as a row, as text or as bytes: numbers as numbers, moments as ISO text. */
export function sameValues(stream: StreamSpec, row: Row): Row {
  return Object.fromEntries(stream.columns.map((column) => [column.name, sameValue(column, row[column.name] ?? null)]));
}

function sameValue(spec: ValueSpec, value: unknown): unknown {
  // As bytes there is no NULL that is an array.
  if (value === null) return spec.type === 'array' ? [] : null;
  switch (spec.type) {
    case 'int16':
    case 'int32':
    case 'uint32':
      return Number(value);
    case 'float32':
      return Math.fround(Number(value));
    case 'timestamp':
      return isoText(value as string);
    case 'binary':
      return Buffer.from(value as Uint8Array).toString('hex');
    case 'array':
      return (value as readonly unknown[]).map((item) => sameValue(spec.items ?? spec, item ?? null));
    default:
      return value;
  }
}

function isoText(text: string): string {
  return text.endsWith('Z') ? text : `${text.replace(' ', 'T').replace(/\+00$/, '')}Z`;
}
