import { expect, it } from 'vitest';
import { EtlError } from '../src/index.ts';

it('is recognised when it comes from another copy of the package', () => {
  const foreign = Object.assign(new Error('The token expired.'), { [Symbol.for('etl.error')]: true });
  expect(EtlError.isInstance(foreign)).toBe(true);
  expect(EtlError.isInstance(new Error('plain'))).toBe(false);
  expect(EtlError.isInstance('text')).toBe(false);
});

it.each([
  ['rate-limit', true],
  ['transient', true],
  ['auth', false],
  ['data', false],
] as const)('of kind %s is retryable: %s', (kind, expected) => {
  expect(new EtlError({ code: 'X', kind, message: 'x' }).isRetryable).toBe(expected);
});

it('wraps what was thrown by mistake as internal, and keeps the cause', () => {
  const cause = new TypeError('undefined is not a function');
  expect(EtlError.from(cause)).toMatchObject({ code: 'INTERNAL_UNEXPECTED', kind: 'internal', cause });
});
