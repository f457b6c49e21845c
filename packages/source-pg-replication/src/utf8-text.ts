import { isUtf8 } from 'node:buffer';
import type { ByteMemory } from './byte-memory.ts';
import { ValueError } from './value-error.ts';

/** Beyond so many bytes a native call is cheaper than a loop over them. */
const LONG = 256;
const HIGHEST_BITS = 0x80_80_80_80;

/**
 * The server checks text when it comes in, and not when it goes out: a cast from bytes, a database without an encoding
 * or an old upgrade can have left something else.
 *
 * @throws `ValueError` unless the bytes are UTF-8.
 */
export function requireUtf8(from: ByteMemory, start: number, end: number): void {
  if ((end - start <= LONG && isAscii(from, start, end)) || isUtf8(from.bytes.subarray(start, end))) return;
  throw new ValueError({
    code: 'PG_VALUE_UNSUPPORTED',
    message: 'text that is not UTF-8',
    hint: 'Correct the value at the source; the server would not have taken it as text.',
    isReplaceable: false,
  });
}

function isAscii({ bytes, view }: ByteMemory, start: number, end: number): boolean {
  let bits = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) bits |= view.getInt32(at);
  for (; at < end; at += 1) bits |= bytes[at] as number;
  return (bits & HIGHEST_BITS) === 0;
}
