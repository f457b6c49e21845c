import { EtlError, type Scope, type StreamSpec } from '@etl/core';
import { identifier, literal } from './identifier.ts';
import { columnNames } from './table-plan.ts';

/** SQL that is true for the rows of a scope. */
export function scopeCondition(stream: StreamSpec, scope: Scope): string {
  const names = columnNames(stream);
  const column = (name: string): string => {
    const known = names.get(name);
    if (known !== undefined) return identifier(known);
    throw new EtlError({
      code: 'STREAM_SCOPE_INVALID',
      kind: 'config',
      message: `The scope of a slice of ${stream.name} names ${name}, which is no column of it.`,
    });
  };
  const parts = Object.entries(scope.equals).map(([name, value]) =>
    typeof value === 'string' ? `${column(name)} = ${literal(value)}` : `${column(name)} = ${String(value)}`,
  );
  const day = stream.scope?.day;
  if (scope.days !== undefined && day !== undefined) {
    parts.push(
      `${column(day)} >= toDate32(${literal(scope.days.start)}) AND ${column(day)} < toDate32(${literal(scope.days.end)})`,
    );
  }
  return parts.length === 0 ? '1' : parts.map((part) => `(${part})`).join(' AND ');
}
