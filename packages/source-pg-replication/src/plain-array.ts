import type { RangeCheck } from './value-range.ts';

/**
 * Whether an array's text with the delimiter `,` has one dimension, the usual lower bound, and only items
 * that `inRange` holds. It says no as well where only the text without the escapes of COPY can tell.
 */
export function plainArray(inRange: RangeCheck | undefined): RangeCheck {
  return (bytes, start, end) => {
    if (bytes[start] !== OPENING_BRACE) return false;
    if (inRange === undefined) return !hasInnerBrace(bytes, start + 1, end);
    let at = start + 1;
    if (bytes[at] === CLOSING_BRACE) return true;
    while (at < end) {
      const isQuoted = bytes[at] === QUOTE;
      const from = isQuoted ? at + 1 : at;
      let to = from;
      while (to < end && !isEnd(bytes[to] as number, isQuoted)) to += 1;
      const code = bytes[to];
      if (code === BACKSLASH || code === OPENING_BRACE) return false;
      if ((isQuoted || !isNull(bytes, from, to)) && !inRange(bytes, from, to)) return false;
      at = (isQuoted ? to + 1 : to) + 1;
    }
    return true;
  };
}

/** Whether a brace opens between quotes or not, as far as that can be told. */
function hasInnerBrace(bytes: Uint8Array, start: number, end: number): boolean {
  const at = bytes.indexOf(OPENING_BRACE, start);
  if (at === -1 || at >= end) return false;
  let isQuoted = false;
  for (let index = start; index < end; index += 1) {
    const code = bytes[index];
    // COPY doubles it, so it may or may not be what stands before a quote.
    if (code === BACKSLASH) return true;
    if (code === QUOTE) isQuoted = !isQuoted;
    else if (code === OPENING_BRACE && !isQuoted) return true;
  }
  return false;
}

function isEnd(code: number, isQuoted: boolean): boolean {
  if (code === BACKSLASH || code === OPENING_BRACE) return true;
  return isQuoted ? code === QUOTE : code === COMMA || code === CLOSING_BRACE;
}

function isNull(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 4 && bytes[start] === UPPER_N;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const UPPER_N = 0x4e;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
