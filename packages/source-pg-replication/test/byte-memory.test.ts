import { expect, test } from 'vitest';
import { ByteMemory, copyBytes } from '../src/byte-memory.ts';

const MOST = 300;

test('any number of bytes is copied from any place to any other, and nothing beside them is touched', () => {
  const from = new ByteMemory(Buffer.from(Array.from({ length: MOST + 16 }, (_, index) => 1 + ((index * 7) % 255))));
  for (let length = 0; length <= MOST; length += 1) {
    const [start, at] = [length % 9, (length * 5) % 11];
    const to = new ByteMemory(Buffer.alloc(at + length + 8));
    expect(copyBytes(from, start, start + length, to, at)).toBe(at + length);
    const whole = [Buffer.alloc(at), from.bytes.subarray(start, start + length), Buffer.alloc(8)];
    expect(to.bytes.equals(Buffer.concat(whole)), `${length} bytes`).toBe(true);
  }
});

test('bytes are copied to the very end of memory, and behind themselves', () => {
  for (let length = 0; length <= MOST; length += 1) {
    const bytes = Buffer.alloc(length * 2);
    for (let index = 0; index < length; index += 1) bytes[index] = 1 + (index % 255);
    const memory = new ByteMemory(bytes);
    expect(copyBytes(memory, 0, length, memory, length)).toBe(length * 2);
    expect(bytes.subarray(length).equals(bytes.subarray(0, length)), `${length} bytes`).toBe(true);
  }
});
