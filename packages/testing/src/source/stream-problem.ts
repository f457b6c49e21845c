import type { ColumnSpec, StreamSpec, ValueSpec } from '@etl/core';

const SNAKE_CASE = /^[a-z][a-z0-9]*(_+[a-z0-9]+)*$/;

/** Why no destination can load the stream as it describes itself; `undefined` when one can. */
export function streamProblem(stream: StreamSpec): string | undefined {
  const { name, columns, primaryKey, writeDisposition, scope } = stream;
  if (!SNAKE_CASE.test(name)) return 'its name is not snake_case';
  if (columns.length === 0) return 'it has no columns';
  const names = columns.map((column) => column.name);
  const doubled = names.find((one, index) => names.indexOf(one) !== index);
  if (doubled !== undefined) return `it has two columns ${doubled}`;
  for (const column of columns) {
    const problem = valueSpecProblem(column);
    if (problem !== undefined) return `${column.name} ${problem}`;
  }
  for (const key of primaryKey) {
    const column = columnOf(stream, key);
    if (column === undefined) return `its primary key column ${key} is no column`;
    if (column.nullable) return `its primary key column ${key} may be NULL`;
  }
  if (writeDisposition === 'merge' && primaryKey.length === 0) return 'it is merged, but has no primary key';
  for (const key of scope?.keys ?? []) {
    const column = columnOf(stream, key);
    if (column === undefined || column.nullable) return `its scope column ${key} is no column, or may be NULL`;
  }
  if (scope?.day !== undefined && columnOf(stream, scope.day)?.type !== 'date')
    return `its day ${scope.day} is no column of days`;
  return undefined;
}

function columnOf({ columns }: StreamSpec, name: string): ColumnSpec | undefined {
  return columns.find((column) => column.name === name);
}

function valueSpecProblem({ type, precision, scale, items, fields }: ValueSpec): string | undefined {
  if (type === 'decimal') {
    if (precision === undefined || scale === undefined) return 'has no precision and scale';
    if (precision < 1 || precision > 76 || scale < 0 || scale > precision) return 'has a precision that does not exist';
  }
  if (type === 'array') return items === undefined ? 'does not say what it holds' : valueSpecProblem(items);
  if (type !== 'nested') return undefined;
  if (fields === undefined || fields.length === 0) return 'has no fields';
  return fields.map(valueSpecProblem).find((problem) => problem !== undefined);
}
