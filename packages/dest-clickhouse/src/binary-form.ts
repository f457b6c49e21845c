import { EtlError, type StreamSpec } from '@etl/core';
import { binaryValue } from './binary-value.ts';
import { columnType } from './column-type.ts';
import { fieldsOf, type EncodedTable } from './encoded-table.ts';
import { identifier } from './identifier.ts';
import type { PlainForm } from './plain-form.ts';
import { hasRowId, type TablePlan } from './table-plan.ts';

/**
 * How rows as bytes go to the engine as they are; `undefined` where the table is not as the stream declares it: a value
 * says nothing of its type, and read as one of another it would be another value.
 */
export function binaryForm(
  stream: StreamSpec,
  table: EncodedTable & { readonly plan: TablePlan },
  columns: readonly string[],
): PlainForm | undefined {
  if (hasRowId(stream) || table.discarded.size > 0 || table.absent.size > 0) return undefined;
  const types = new Map(table.plan.columns.map(({ name, type }) => [name, type]));
  const fields = new Map(fieldsOf(stream, table.targets).map((field) => [field.source, field]));
  const targets: string[] = [];
  for (const name of columns) {
    const field = fields.get(name);
    // Not the one that takes base64 of bytes.
    const target = table.targets.get(field?.declared ?? '') ?? field?.declared;
    if (field === undefined || target === undefined || types.get(target) !== columnType(field.spec)) return undefined;
    targets.push(identifier(target));
  }
  return { format: 'RowBinary', columns: targets };
}

/** @throws `BINARY_BATCH_INVALID` (data) unless the columns are those of the stream, all have such a form, and it has versions. */
export function requireBinary(stream: StreamSpec, columns: readonly string[]): void {
  const left = new Set(stream.columns.map(({ name }) => name));
  const wrong = columns.find((name) => !left.delete(name)) ?? [...left][0];
  if (wrong !== undefined) throw invalidBinary(stream.name, `do not have each of its columns once, such as ${wrong}`);
  const formless = stream.columns.find((column) => binaryValue(column) === undefined);
  if (formless !== undefined)
    throw invalidBinary(stream.name, `have a column ${formless.name}, whose type has no such form`);
  if (stream.versionColumn === undefined) throw invalidBinary(stream.name, 'came, but it has no versions');
}

/** The error of a batch that is not what it should be. */
export function invalidBinary(stream: string, problem: string): EtlError {
  return new EtlError({
    code: 'BINARY_BATCH_INVALID',
    kind: 'data',
    message: `Rows of ${stream} as bytes ${problem}.`,
    hint: 'Nothing of this load was published. The source gave rows in another form than it promised: report it.',
    context: { stream },
  });
}
