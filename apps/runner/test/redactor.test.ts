import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Redactor } from '../src/redactor.ts';

describe('redactor', () => {
  test('takes registered values out wherever they are, in every form', () => {
    const redactor = new Redactor();
    const secret = 'p@ss/w"ord';
    redactor.add(secret);
    const text = `${secret} ${encodeURIComponent(secret)} ${JSON.stringify({ secret })} ${Buffer.from(secret).toString('base64')}`;
    const redacted = redactor.redact(text);
    expect(redacted).toBe('*** *** {"secret":"***"} ***');
  });

  test('takes out what looks like a secret without knowing it', () => {
    const redactor = new Redactor();
    for (const [text, expected] of [
      ['postgres://etl:hunter2@db:5432/shop', 'postgres://etl:***@db:5432/shop'],
      ['postgres://etl:p@ss@db/shop', 'postgres://etl:***@db/shop'],
      ['http://h/?access_token=abc123&x=1', 'http://h/?access_token=***&x=1'],
      ['connect failed: password=hunter2 host=db', 'connect failed: password=*** host=db'],
      ['{"password":"hunt\\"er2","user":"etl"}', '{"password":"***","user":"etl"}'],
      ['Authorization: Bearer abcdefghijkl', 'Authorization: Bearer ***'],
    ] as const) {
      expect(redactor.redact(text)).toBe(expected);
    }
  });

  test('leaves everything else as it is', () => {
    const redactor = new Redactor();
    const text = 'pg shop: PostgreSQL: the server refuses user and password, while connecting to db:5432.';
    expect(redactor.redact(text)).toBe(text);
  });

  test('reaches every string of a JSON value', () => {
    const redactor = new Redactor();
    redactor.add('hunter2');
    expect(redactor.redactJson({ a: ['x hunter2'], b: { c: 'hunter2' }, n: 1, z: null, token: 'unknown' })).toEqual({
      a: ['x ***'],
      b: { c: '***' },
      n: 1,
      z: null,
      token: '***',
    });
  });

  test('no registered secret of four or more characters survives', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, maxLength: 40 }), fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!'***'.includes(secret) && !/^\*+$/.test(secret));
        const redactor = new Redactor();
        redactor.add(secret);
        const redacted = redactor.redact(`${before}${secret}${after}`);
        // The mask itself may complete a secret that is made of stars.
        return secret.includes('*') || !redacted.includes(secret);
      }),
    );
  });
});
