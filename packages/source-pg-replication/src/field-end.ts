import { byteAt, NEWLINE, TAB } from './byte.ts';
import { HALF_WORD, type ByteMemory } from './byte-memory.ts';

const ONES = 0x01_01_01_01;
const HIGHEST_BITS = 0x80_80_80_80 | 0;
const TABS = TAB * ONES;
const NEWLINES = NEWLINE * ONES;

/** Where the field that begins at `from` ends: at a tab or a newline, one of which has to come. */
export function fieldEnd({ bytes, view }: ByteMemory, from: number): number {
  let at = from;
  for (const last = bytes.length - HALF_WORD; at <= last; at += HALF_WORD) {
    const word = view.getInt32(at, true);
    const tabs = word ^ TABS;
    const newlines = word ^ NEWLINES;
    // The lowest bit that is set is that of the first such byte; those behind it may be wrong.
    const found = (((tabs - ONES) & ~tabs) | ((newlines - ONES) & ~newlines)) & HIGHEST_BITS;
    if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3);
  }
  for (let byte = byteAt(bytes, at); byte !== TAB && byte !== NEWLINE; byte = byteAt(bytes, at)) at += 1;
  return at;
}
