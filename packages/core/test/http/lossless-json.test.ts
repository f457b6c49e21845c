import fc from 'fast-check';
import { expect, it } from 'vitest';
import { losslessText } from '../../src/http/lossless-json.ts';
import { parseLossless } from '../../src/http/index.ts';

it.each([
  ['12', 12],
  ['-0.5', -0.5],
  ['9007199254740991', 9007199254740991],
  ['9007199254740992', 9007199254740992n],
  ['9007199254740993', 9007199254740993n],
  ['-9223372036854775808', -9223372036854775808n],
  ['{"id": 120210000000000123}', { id: 120210000000000123n }],
  ['[1234567890123456789,1]', [1234567890123456789n, 1]],
  ['0.1', 0.1],
  ['0.30000000000000004', 0.30000000000000004],
  ['1234567890.1234567890', '1234567890.1234567890'],
  ['19.900000000000000000', 19.9],
  ['1e400', '1e400'],
  ['-1e-400', '-1e-400'],
  ['0e999', 0],
  ['1e2', 100],
  ['5e-324', 5e-324],
  ['{"a":{"b":[0.12345678901234567890]}}', { a: { b: ['0.12345678901234567890'] } }],
  ['"12345678901234567890"', '12345678901234567890'],
  [
    '{"text": "a 12345678901234567890 b, 12345678901234567890"}',
    { text: 'a 12345678901234567890 b, 12345678901234567890' },
  ],
])('reads %s exactly', (text, expected) => {
  expect(parseLossless(text)).toStrictEqual(expected);
});

it('gives long integers as text when asked to', () => {
  expect(parseLossless('{"id":12345678901234567890}', { integers: 'string' })).toEqual({ id: '12345678901234567890' });
});

it('finds a long number wherever it stands', () => {
  for (let offset = 0; offset < 40; offset += 1) {
    for (let digits = 16; digits < 40; digits += 1) {
      const source = '9'.repeat(digits);
      expect(parseLossless(`${' '.repeat(offset)}[${source},1]`)).toEqual([BigInt(source), 1]);
    }
  }
});

it('keeps any number of any page', () => {
  const decimal = fc
    .tuple(fc.boolean(), fc.bigInt(0n, 10n ** 30n), fc.nat(40), fc.option(fc.integer({ min: -400, max: 400 })))
    .map(([isNegative, digits, scale, exponent]) => {
      const padded = digits.toString().padStart(scale + 1, '0');
      const whole = padded.slice(0, padded.length - scale);
      const fraction = scale === 0 ? '' : `.${padded.slice(padded.length - scale)}`;
      return `${isNegative ? '-' : ''}${whole}${fraction}${exponent === null ? '' : `e${exponent}`}`;
    });
  const space = fc.constantFrom('', ' ', '\n\t');
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), decimal), { maxLength: 8 }), space, (fields, gap) => {
      const text = `[${fields.map(([name, number]) => `${gap}{${gap}${JSON.stringify(name)}:${gap}${number}}`).join(',')}]`;
      const rows = parseLossless(text) as Record<string, number | bigint | string>[];
      for (const [index, [name, source]] of fields.entries()) {
        const value = Object.getOwnPropertyDescriptor(rows[index], name)?.value as number | bigint | string;
        expect(ratio(String(value))).toBe(ratio(source));
        if (typeof value === 'number') expect(JSON.parse(source)).toBe(value);
      }
    }),
    { numRuns: 500 },
  );
});

it('reads every value as JSON.parse does, long integers aside', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.parse(losslessText(parseLossless(text)))).toEqual(JSON.parse(text));
    }),
  );
});

it('quotes nothing of a text that is not JSON', () => {
  const read = (): unknown => parseLossless('{"access_token": "hush-hush", oops}');
  expect(read).toThrow(
    expect.objectContaining({ code: 'JSON_MALFORMED', kind: 'data', context: { length: 35, position: 30 } }),
  );
  try {
    read();
  } catch (error) {
    expect(`${String(error)}${JSON.stringify(error)}`).not.toMatch(/hush|oops|access_token/);
  }
});

it('writes bigints as the integers they are', () => {
  expect(losslessText({ id: 12345678901234567890n, name: 'x' })).toBe('{"id":12345678901234567890,"name":"x"}');
});

it('does not take long for a long run of digits', () => {
  const text = `["${'1'.repeat(4_000_000)}"]`;
  const startedAt = performance.now();
  parseLossless(text);
  expect(performance.now() - startedAt).toBeLessThan(2000);
});

/** The same text for the same number, by arithmetic of its own. */
function ratio(decimal: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([-+]?\d+))?$/.exec(decimal) ?? [];
  let numerator = BigInt(`${whole}${fraction}`);
  if (numerator === 0n) return '0';
  let power = Number(exponent) - fraction.length;
  while (numerator % 10n === 0n) {
    numerator /= 10n;
    power += 1;
  }
  return `${sign}${numerator}·10^${power}`;
}

it('refuses what is nested without end, and ends itself', () => {
  const bomb = (inner: string): string => `${'['.repeat(200_000)}${inner}${']'.repeat(200_000)}`;
  expect(() => parseLossless(bomb('12345678901234567890'))).toThrow(
    expect.objectContaining({ code: 'JSON_MALFORMED' }),
  );
});
