import type { ByteMemory } from './byte-memory.ts';

/** Writes a length as LEB128, and returns the place behind it. */
export function writeLength(length: number, to: ByteMemory, at: number): number {
  let next = at;
  let left = length;
  for (; left >= 128; left = Math.floor(left / 128)) {
    to.bytes[next] = (left % 128) + 128;
    next += 1;
  }
  to.bytes[next] = left;
  return next + 1;
}
