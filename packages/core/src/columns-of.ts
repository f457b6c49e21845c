import { z } from 'zod';
import type { ColumnSpec, ValueSpec } from './column.ts';
import type { RowSchema } from './stream.ts';

/** What `.meta({ etl: … })` may say about a column that zod's own type does not. */
type ColumnHint = Partial<Omit<ValueSpec, 'nullable'>>;

/**
 * A column of exact decimals, as text: `decimal(18, 6)` for money. Accepts decimal text and
 * numbers, gives text.
 */
export function decimal(precision: number, scale: number): z.ZodType<string, string | number> {
  const text = z.union([
    z.string().regex(/^-?\d+(\.\d+)?$/, 'expected decimal text'),
    z
      .number()
      .transform(String)
      .pipe(z.string().regex(/^-?\d+(\.\d+)?$/, 'expected a decimal')),
  ]);
  return text.meta({ etl: { type: 'decimal', precision, scale } satisfies ColumnHint });
}

/** The columns of a row schema, in its order. Objects and mixed values become `json`. */
export function columnsOf(schema: RowSchema): readonly ColumnSpec[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const value = valueOf(field as z.core.$ZodType);
    const description = descriptionOf(field as z.core.$ZodType);
    return { name, ...value, ...(description === undefined ? {} : { description }) };
  });
}

const WRAPPERS = new Set(['optional', 'nullable', 'default', 'prefault', 'catch', 'readonly', 'nonoptional']);

function valueOf(field: z.core.$ZodType): ValueSpec {
  let nullable = false;
  let current = field;
  const hints: ColumnHint[] = [];
  for (;;) {
    hints.push(hintOf(current));
    const definition = current._zod.def as { type: string; innerType?: z.core.$ZodType; out?: z.core.$ZodType };
    if (definition.type === 'optional' || definition.type === 'nullable') nullable = true;
    if (WRAPPERS.has(definition.type) && definition.innerType !== undefined) {
      current = definition.innerType;
    } else if (definition.type === 'pipe' && definition.out !== undefined && !isTransform(definition.out)) {
      current = definition.out;
    } else {
      break;
    }
  }
  // What is said further outside overrides what is said further inside.
  return Object.assign(scalarOf(current), ...hints.toReversed(), { nullable });
}

function isTransform(schema: z.core.$ZodType): boolean {
  return schema._zod.def.type === 'transform';
}

function scalarOf(schema: z.core.$ZodType): ValueSpec {
  const definition = schema._zod.def as {
    type: string;
    format?: string;
    element?: z.core.$ZodType;
    checks?: readonly z.core.$ZodCheck[];
  };
  const format = definition.format ?? checkFormat(definition.checks);
  switch (definition.type) {
    case 'string':
      return { type: stringTypes[format ?? ''] ?? 'string', nullable: false };
    case 'number':
      return { type: numberTypes[format ?? ''] ?? 'float64', nullable: false };
    case 'bigint':
      return { type: format === 'uint64' ? 'uint64' : 'int64', nullable: false };
    case 'boolean':
      return { type: 'boolean', nullable: false };
    case 'date':
      return { type: 'timestamp', nullable: false };
    case 'enum':
    case 'literal':
    case 'template_literal':
      return { type: 'string', nullable: false };
    case 'array': {
      const items = definition.element === undefined ? undefined : valueOf(definition.element);
      if (items === undefined || items.type === 'json' || items.type === 'array') break;
      return { type: 'array', nullable: false, items };
    }
  }
  return { type: 'json', nullable: false };
}

const stringTypes: Readonly<Record<string, ValueSpec['type']>> = {
  uuid: 'uuid',
  guid: 'uuid',
  date: 'date',
  time: 'time',
  datetime: 'timestamp',
};

const numberTypes: Readonly<Record<string, ValueSpec['type']>> = {
  safeint: 'int64',
  int32: 'int32',
  uint32: 'uint32',
  float32: 'float32',
  float64: 'float64',
};

function checkFormat(checks: readonly z.core.$ZodCheck[] | undefined): string | undefined {
  for (const check of checks ?? []) {
    const format = (check._zod.def as { format?: string }).format;
    if (format !== undefined) return format;
  }
  return undefined;
}

function hintOf(schema: z.core.$ZodType): ColumnHint {
  return (z.globalRegistry.get(schema)?.['etl'] as ColumnHint | undefined) ?? {};
}

function descriptionOf(schema: z.core.$ZodType): string | undefined {
  return z.globalRegistry.get(schema)?.description;
}
