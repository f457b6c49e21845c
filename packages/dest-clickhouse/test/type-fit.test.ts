import { expect, it } from 'vitest';
import { fits, variantSuffix, widened } from '../src/type-fit.ts';

it.each([
  ['Int32', 'Int64', true],
  ['Int64', 'Int32', false],
  ['UInt32', 'Int64', true],
  ['UInt64', 'Int64', false],
  ['Int16', 'UInt32', false],
  ['Int32', 'Float64', true],
  ['Int64', 'Float64', false],
  ['Float64', 'Float32', false],
  ['Int32', 'Decimal(18, 6)', true],
  ['Int64', 'Decimal(18, 6)', false],
  ['Decimal(10, 2)', 'Decimal(18, 6)', true],
  ['Decimal(18, 2)', 'Decimal(18, 6)', false],
  ['Int64', 'Nullable(Int64)', true],
  ['Nullable(Int64)', 'Int64', false],
  ['UUID', 'String', true],
  ['LowCardinality(Nullable(String))', 'Nullable(String)', true],
  ['Array(Int32)', 'Array(Nullable(Int64))', true],
  ['String', 'Int64', false],
  ['Date32', "DateTime64(6, 'UTC')", false],
])('%s fits into %s: %s', (from, to, expected) => {
  expect(fits(from, to)).toBe(expected);
});

it.each([
  ['Int32', 'Int64', 'Int64'],
  ['Nullable(Int32)', 'Float64', 'Nullable(Float64)'],
  ['Int64', 'Float64', 'String'],
  ['Int64', 'Nullable(Int64)', 'Nullable(Int64)'],
  ['Int64', 'Nullable(String)', 'Nullable(String)'],
  ['Float64', 'Decimal(18, 6)', 'String'],
  ['Array(Int64)', 'Array(Nullable(String))', 'Array(Nullable(String))'],
])('%s and %s both fit into %s', (current, declared, expected) => {
  expect(widened(current, declared)).toBe(expected);
});

it('names variants as the tables of dlt do', () => {
  expect(
    ['Nullable(Float64)', 'Int64', 'LowCardinality(String)', 'Decimal(38, 9)', 'Array(Nullable(String))'].map(
      variantSuffix,
    ),
  ).toEqual(['v_double', 'v_bigint', 'v_text', 'v_decimal_38_9', 'v_text']);
});
