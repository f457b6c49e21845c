import { EtlError, type Row, type StreamSpec, type TextBatch, type ValueSpec } from '@etl/core';
import { isPlainField } from './plain-field.ts';

const ESCAPES: readonly (readonly [string, string])[] = [
  ['\\', String.raw`\\`],
  ['\t', String.raw`\t`],
  ['\n', String.raw`\n`],
  ['\r', String.raw`\r`],
  ['\b', String.raw`\b`],
  ['\f', String.raw`\f`],
  ['\v', String.raw`\v`],
];
const ESCAPED: ReadonlyMap<string, string> = new Map(ESCAPES);
const UNESCAPED: ReadonlyMap<string, string> = new Map(ESCAPES.map(([character, escape]) => [escape, character]));

/** Rows as text, for tests of destinations; the version and deleted columns of the stream included. */
export function textBatchOf(stream: StreamSpec, rows: readonly Row[]): TextBatch {
  const facts = [stream.versionColumn, stream.deletedColumn].filter((name) => name !== undefined);
  const columns = [...facts, ...stream.columns.map(({ name }) => name)];
  const lines = rows.map((row) => {
    const fields = facts.map((name) =>
      name === stream.deletedColumn ? (row[name] === true ? 't' : 'f') : `${row[name] as bigint}`,
    );
    return `${[...fields, ...stream.columns.map((column) => fieldOf(column, row[column.name]))].join('\t')}\n`;
  });
  return { columns, bytes: Buffer.from(lines.join('')), rowCount: rows.length };
}

/**
 * The rows that a batch stands for, read as slowly and plainly as its description says.
 *
 * @throws `TEXT_BATCH_INVALID` (data) when it is not what it says it is, plain included.
 */
export function rowsOfText(stream: StreamSpec, batch: TextBatch): readonly Row[] {
  const text = Buffer.from(batch.bytes).toString('utf8');
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const isWhole = text === '' || text.endsWith('\n');
  if (!isWhole || lines.length !== batch.rowCount) throw invalid(stream, `does not have ${batch.rowCount} lines`);
  const specs = new Map<string, ValueSpec>(stream.columns.map((column) => [column.name, column]));
  if (stream.deletedColumn !== undefined) specs.set(stream.deletedColumn, { type: 'boolean', nullable: false });
  const { versionColumn } = stream;
  return lines.map((line, index) => {
    const fields = line.split('\t');
    if (fields.length !== batch.columns.length)
      throw invalid(stream, `has another number of fields in row ${index + 1}`);
    const row: Record<string, unknown> = {};
    if (versionColumn !== undefined && batch.version !== undefined) row[versionColumn] = batch.version;
    for (const [place, name] of batch.columns.entries()) {
      const field = fields[place] ?? '';
      const spec = specs.get(name);
      if (name === versionColumn) row[name] = BigInt(field);
      else if (spec === undefined) throw invalid(stream, `has a column ${name}`);
      else if (field === String.raw`\N`) row[name] = null;
      else if (batch.isPlain === true && !isPlainField(spec, field)) throw notPlain(stream, name);
      else row[name] = valueOf(spec, unescaped(field));
    }
    if (batch.isPlain === true) requirePlainNulls(stream, row);
    return row;
  });
}

function requirePlainNulls(stream: StreamSpec, row: Row): void {
  const { deletedColumn, primaryKey } = stream;
  const isDeleted = deletedColumn !== undefined && row[deletedColumn] === true;
  for (const { name, nullable } of stream.columns) {
    const isNull = row[name] === null || row[name] === undefined;
    if (primaryKey.includes(name) || !isDeleted ? isNull && !nullable : !isNull) throw notPlain(stream, name);
  }
}

function notPlain(stream: StreamSpec, column: string): EtlError {
  return invalid(stream, `says that it is plain, and is not in the column ${column}`);
}

function fieldOf(spec: ValueSpec, value: unknown): string {
  if (value === null || value === undefined) return String.raw`\N`;
  return textOf(spec, value).replaceAll(/[\\\t\n\r\b\f\v]/g, (character) => ESCAPED.get(character) ?? character);
}

function textOf(spec: ValueSpec, value: unknown): string {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (value instanceof Date) return value.toISOString();
  if (Object.is(value, -0)) return '-0';
  if (!Array.isArray(value)) return String(value);
  const items = value.map((item: unknown) => {
    if (item === null || item === undefined) return 'NULL';
    const text = textOf(spec.items ?? spec, item);
    const isPlain = text !== '' && text.toUpperCase() !== 'NULL' && !/[,{}"\\\s]/.test(text);
    return isPlain ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  });
  return `{${items.join(',')}}`;
}

function unescaped(field: string): string {
  return field.replaceAll(/\\[\s\S]/g, (escape) => UNESCAPED.get(escape) ?? escape);
}

function valueOf(spec: ValueSpec, text: string): unknown {
  switch (spec.type) {
    case 'boolean':
      return text === 't';
    case 'binary':
      return new Uint8Array(Buffer.from(text.slice(2), 'hex'));
    case 'float32':
    case 'float64':
      return Number(text);
    case 'array':
      return itemsOf(text).map((item) => (item === null ? null : valueOf(spec.items ?? spec, item)));
    case 'timestamp':
      return text.replace(' ', 'T').replace(/(T[\d:.]+)(?:[+-]00(?::?00)?)?$/, '$1Z');
    default:
      return text;
  }
}

function itemsOf(text: string): readonly (string | null)[] {
  const items = text.slice(1, -1).match(/"(?:[^"\\]|\\[\s\S])*"|[^,]+/g) ?? [];
  return items.map((item) => {
    if (item === 'NULL') return null;
    return item.startsWith('"') ? item.slice(1, -1).replaceAll(/\\([\s\S])/g, '$1') : item;
  });
}

function invalid(stream: StreamSpec, what: string): EtlError {
  return new EtlError({ code: 'TEXT_BATCH_INVALID', kind: 'data', message: `Text of ${stream.name} ${what}.` });
}
