import type { ColumnSpec } from '@etl/core';
import { exactJson, microsecondsOf, momentText, numberText, plainDecimal } from './exact-value.ts';
import type { DetectedType } from './detected-type.ts';

/** The column of a type as configuration writes it: `decimal(10, 2)`. */
export function declaredColumn(name: string, type: string, nullable: boolean): ColumnSpec {
  const [, precision, scale] = /^decimal\((\d+), ?(\d+)\)$/.exec(type) ?? [];
  if (precision !== undefined)
    return { name, type: 'decimal', precision: Number(precision), scale: Number(scale), nullable };
  return { name, type: type as ColumnSpec['type'], nullable };
}

export function detectedColumn(name: string, type: DetectedType): ColumnSpec {
  if (type === 'decimal') return { name, type, precision: 38, scale: 9, nullable: true };
  if (type === 'wide-decimal') return { name, type: 'decimal', precision: 76, scale: 38, nullable: true };
  return { name, type, nullable: true };
}

/** The value as a declared column holds it; `undefined` when it does not fit. */
export function declaredValue(value: unknown, { type }: ColumnSpec): unknown {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'int64':
      return integerText(numberText(value) ?? (typeof value === 'string' ? plainDecimal(value) : undefined));
    case 'decimal':
      return numberText(value) ?? (typeof value === 'string' ? plainDecimal(value) : undefined);
    case 'timestamp': {
      const at = typeof value === 'string' ? microsecondsOf(value) : undefined;
      return at === undefined ? undefined : momentText(at);
    }
    case 'date':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) ? value : undefined;
    case 'json':
      return exactJson(value);
    default:
      return typeof value === 'string' ? value : (numberText(value) ?? exactJson(value));
  }
}

function integerText(text: string | undefined): string | undefined {
  return text !== undefined && /^-?\d+$/.test(text) ? text : undefined;
}
