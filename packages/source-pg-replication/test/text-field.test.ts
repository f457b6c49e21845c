import { expect, test } from 'vitest';
import { ByteMemory } from '../src/byte-memory.ts';
import { TextField } from '../src/text-field.ts';

const ESCAPES: Readonly<Record<number, string>> = {
  0x08: String.raw`\b`,
  0x09: String.raw`\t`,
  0x0a: String.raw`\n`,
  0x0b: String.raw`\v`,
  0x0c: String.raw`\f`,
  0x0d: String.raw`\r`,
  0x5c: '\\\\',
};
const field = new TextField({
  spec: { type: 'string', nullable: true },
  parse: String,
  hasCommas: false,
  isZoned: false,
});

function written(value: Buffer, before: number): Buffer {
  const from = new ByteMemory(Buffer.concat([Buffer.alloc(before, 0x5c), value, Buffer.alloc(9, 0x5c)]));
  const to = new ByteMemory(Buffer.alloc(before + value.length * 2 + 8, 0x21));
  const end = field.writePlain(from, before, before + value.length, to, before);
  expect(to.bytes.subarray(0, before).every((byte) => byte === 0x21)).toBe(true);
  expect(to.bytes.subarray(end).every((byte) => byte === 0x21)).toBe(true);
  return to.bytes.subarray(before, end);
}

test('every byte is escaped or left as it is, wherever it stands and whatever stands beside it', () => {
  for (let byte = 1; byte < 256; byte += 1) {
    for (let length = 1; length <= 9; length += 1) {
      for (let place = 0; place < length; place += 1) {
        // A letter, a byte of a longer character and another control character as neighbours.
        for (const other of [0x61, 0xc3, 0x01]) {
          const value = Buffer.alloc(length, other);
          value[place] = byte;
          const expected = Buffer.concat(
            [...value].map((one) => Buffer.from(ESCAPES[one] ?? String.fromCharCode(one), 'latin1')),
          );
          if (!written(value, (byte + place) % 4).equals(expected))
            expect.fail(`0x${byte.toString(16)} at ${place} of ${length}`);
        }
      }
    }
  }
});

test('values of every length are copied whole, and nothing beside them', () => {
  const number = new TextField({
    spec: { type: 'int64', nullable: true },
    parse: String,
    hasCommas: false,
    isZoned: false,
  });
  for (let length = 0; length <= 400; length += 1) {
    const value = Buffer.from(Array.from({ length }, (_, index) => 0x30 + (index % 10)));
    const from = new ByteMemory(Buffer.concat([Buffer.from('xyz'), value, Buffer.from('xyz')]));
    const to = new ByteMemory(Buffer.alloc(length + 8, 0x21));
    const end = number.writePlain(from, 3, 3 + length, to, 4);
    expect(to.bytes.subarray(0, end).toString()).toBe(`!!!!${value.toString()}`);
    expect(to.bytes.subarray(end).toString()).toBe('!!!!');
  }
});
