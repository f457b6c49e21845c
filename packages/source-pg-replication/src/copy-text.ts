/** Reads one line of COPY's text format: a value per column, `null` for NULL. */
export function copyValues(line: string): (string | null)[] {
  const values: (string | null)[] = line.split('\t');
  for (let index = 0; index < values.length; index += 1) values[index] = copyValue(values[index] as string);
  return values;
}

/** Reads one field of such a line. */
export function copyValue(field: string): string | null {
  if (!field.includes('\\')) return field;
  return field === String.raw`\N` ? null : unescape(field);
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

// COPY TO writes a backslash only before these letters and before itself, and never a code.
function unescape(value: string): string {
  return value.replaceAll(/\\([\s\S])/g, (_, character: string) => ESCAPES[character] ?? character);
}
