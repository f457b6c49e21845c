import { ValueError } from './value-error.ts';

const UNQUOTED = /[^,{}"\\ \t\n\r\v\f]+/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;

/** The texts of the items of a one-dimensional array; `null` for NULL. See `TextBatch` for the form. */
export function arrayItems(text: string): readonly (string | null)[] {
  if (text === '{}') return [];
  if (!text.startsWith('{')) throw notAnArray();
  const items: (string | null)[] = [];
  for (let at = 0; text[at] !== '}' || at !== text.length - 1;) {
    // At an opening brace or a comma: an item has to follow.
    if (text[at] !== (items.length === 0 ? '{' : ',')) throw notAnArray();
    const pattern = text[at + 1] === '"' ? QUOTED : UNQUOTED;
    pattern.lastIndex = at + 1;
    const match = pattern.exec(text);
    if (match === null) throw notAnArray();
    if (match[1] === undefined) items.push(match[0] === 'NULL' ? null : match[0]);
    else items.push(match[1].replaceAll(/\\([\s\S])/g, '$1'));
    at = pattern.lastIndex;
  }
  return items;
}

function notAnArray(): ValueError {
  return new ValueError('text that is not an array of one dimension');
}
