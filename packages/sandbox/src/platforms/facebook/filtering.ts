import { invalidParameter } from './graph-error.ts';
import { jsonParameter } from './json-parameter.ts';

export interface Filter {
  readonly field: string;
  readonly operator: string;
  readonly value: unknown;
}

const OPERATORS: Readonly<Record<string, (actual: string, expected: unknown) => boolean>> = {
  EQUAL: (actual, expected) => actual === String(expected),
  NOT_EQUAL: (actual, expected) => actual !== String(expected),
  GREATER_THAN: (actual, expected) => Number(actual) > Number(expected),
  GREATER_THAN_OR_EQUAL: (actual, expected) => Number(actual) >= Number(expected),
  LESS_THAN: (actual, expected) => Number(actual) < Number(expected),
  LESS_THAN_OR_EQUAL: (actual, expected) => Number(actual) <= Number(expected),
  IN: (actual, expected) => Array.isArray(expected) && expected.map(String).includes(actual),
  NOT_IN: (actual, expected) => Array.isArray(expected) && !expected.map(String).includes(actual),
  CONTAIN: (actual, expected) => actual.toLowerCase().includes(String(expected).toLowerCase()),
  NOT_CONTAIN: (actual, expected) => !actual.toLowerCase().includes(String(expected).toLowerCase()),
  STARTS_WITH: (actual, expected) => actual.toLowerCase().startsWith(String(expected).toLowerCase()),
};

/** The parameter `filtering`: `[{"field":"ad.id","operator":"IN","value":["1"]}]`. */
export function parseFiltering(parameters: Readonly<Record<string, string>>): Filter[] {
  const list = jsonParameter(parameters, 'filtering') ?? [];
  if (!Array.isArray(list)) throw invalidParameter('Param filtering must be an array.');
  return (list as unknown[]).map((item, index) => {
    const { field, operator, value } = item as Partial<Filter>;
    if (field === undefined) throw invalidParameter(`filtering[${index}][field] is required.`);
    if (operator === undefined || !(operator in OPERATORS)) {
      const known = Object.keys(OPERATORS).join(', ');
      throw invalidParameter(`filtering[${index}][operator] must be one of the following values: ${known}`);
    }
    return { field, operator, value };
  });
}

/** Whether a thing whose fields are given by name passes every filter. */
export function passes(filters: readonly Filter[], valueOf: (field: string) => string | undefined): boolean {
  return filters.every(({ field, operator, value }) => {
    const actual = valueOf(field);
    if (actual === undefined)
      throw invalidParameter(`Filtering field ${field} with operation ${operator} is not supported`);
    return OPERATORS[operator]?.(actual, value) ?? false;
  });
}
