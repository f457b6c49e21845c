import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteMemory } from '../src/byte-memory.ts';
import { fieldEnd } from '../src/field-end.ts';

/** Bytes that differ from a tab or a newline in one bit, and by one, and the ends of the range. */
const near = fc.constantFrom(
  0x00,
  0x01,
  0x08,
  0x09,
  0x0a,
  0x0b,
  0x0d,
  0x19,
  0x1a,
  0x49,
  0x4a,
  0x7f,
  0x80,
  0x89,
  0x8a,
  0xff,
);
const bytes = fc.array(fc.oneof(near, fc.integer({ min: 0, max: 255 })), { maxLength: 40 });

test('a field ends at the first tab or newline, wherever it begins and whatever follows', () => {
  fc.assert(
    fc.property(bytes, fc.constantFrom(0x09, 0x0a), bytes, fc.nat(7), (before, end, behind, skipped) => {
      const line = Buffer.from([...before, end, ...behind]);
      const from = Math.min(skipped, before.length);
      // Not at the beginning of its memory, as most lines.
      const memory = new ByteMemory(Buffer.concat([Buffer.alloc(3), line]).subarray(3));
      const first = line.findIndex((byte, at) => at >= from && (byte === 0x09 || byte === 0x0a));
      expect(fieldEnd(memory, from)).toBe(first);
    }),
    { numRuns: 2000 },
  );
});
