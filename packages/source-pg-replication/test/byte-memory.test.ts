import { expect, test } from 'vitest';
import { ByteMemory, copyBytes, WORD } from '../src/byte-memory.ts';

const MOST = 300;
const numbered = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, index) => 1 + (index % 255)));

test('any number of bytes is copied from any place to any other, and nothing in front of them is touched', () => {
  const from = new ByteMemory(numbered(MOST + 16));
  for (let length = 0; length <= MOST; length += 1) {
    const [start, at] = [length % 9, (length * 5) % 11];
    const to = new ByteMemory(Buffer.alloc(at + length + WORD * 2));
    expect(copyBytes(from, start, start + length, to, at)).toBe(at + length);
    const copied = Buffer.concat([Buffer.alloc(at), from.bytes.subarray(start, start + length)]);
    expect(to.bytes.subarray(0, at + length).equals(copied), `${length} bytes`).toBe(true);
    expect(to.bytes.subarray(at + length + WORD).equals(Buffer.alloc(WORD)), `behind ${length} bytes`).toBe(true);
  }
});

test('bytes are copied from the very end of memory, and behind themselves', () => {
  for (let length = 0; length <= MOST; length += 1) {
    const bytes = numbered(length);
    const behind = new ByteMemory(Buffer.alloc(length + WORD));
    expect(copyBytes(new ByteMemory(bytes), 0, length, behind, 0)).toBe(length);
    expect(behind.bytes.subarray(0, length).equals(bytes), `${length} bytes`).toBe(true);

    const memory = new ByteMemory(Buffer.concat([bytes, Buffer.alloc(length + WORD)]));
    expect(copyBytes(memory, 0, length, memory, length)).toBe(length * 2);
    expect(memory.bytes.subarray(length, length * 2).equals(bytes), `${length} bytes behind themselves`).toBe(true);
  }
});
