import { ValueError } from './value-error.ts';

/**
 * The texts of the items of PostgreSQL's array text of one dimension; `null` for NULL. A lower bound
 * other than 1 (`[0:1]={a,b}`) is dropped: the items and their order are what counts elsewhere.
 *
 * @throws {@link ValueError} when the array has more than one dimension.
 */
export function arrayItems(text: string, delimiter: string): (string | null)[] {
  const separator = delimiter.charCodeAt(0);
  const start = text.charCodeAt(0) === OPENING_BRACKET ? text.indexOf('=') + 1 : 0;
  if (text.charCodeAt(start) !== OPENING_BRACE) throw moreDimensions();
  const items: (string | null)[] = [];
  let at = start + 1;
  if (text.charCodeAt(at) === CLOSING_BRACE) return items;
  while (at < text.length) {
    const first = text.charCodeAt(at);
    if (first === OPENING_BRACE) throw moreDimensions();
    if (first === QUOTE) {
      const [value, end] = quoted(text, at + 1);
      items.push(value);
      at = end;
    } else {
      let end = at;
      while (text.charCodeAt(end) !== separator && text.charCodeAt(end) !== CLOSING_BRACE && end < text.length)
        end += 1;
      const value = text.slice(at, end);
      items.push(value === 'NULL' ? null : value);
      at = end;
    }
    at += 1;
  }
  return items;
}

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The text of a quoted element and the place behind its closing quote. */
function quoted(text: string, start: number): [string, number] {
  let value = '';
  let from = start;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) {
      value += text.slice(from, at);
      at += 1;
      from = at;
    } else if (code === QUOTE) {
      return [value + text.slice(from, at), at + 1];
    }
  }
  throw moreDimensions();
}

function moreDimensions(): ValueError {
  return new ValueError({
    code: 'PG_VALUE_UNSUPPORTED',
    message: 'an array of more than one dimension',
    hint: 'Exclude the table, or publish it with a column list that leaves the column out.',
    condition: (value) => `array_ndims(${value}) > 1`,
    isOfArray: true,
  });
}
