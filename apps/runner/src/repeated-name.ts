/**
 * The first name that stands twice in one object of a JSON document, of which `JSON.parse` would quietly keep the
 * last. The document must be one that it accepts.
 */
export function repeatedName(json: string): string | undefined {
  const objects: (Set<string> | undefined)[] = [];
  let text = '';
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '[') objects.push(undefined);
    else if (token === '}' || token === ']') objects.pop();
    else if (token !== ':') text = token;
    else {
      const name = JSON.parse(text) as string;
      if (objects.at(-1)?.has(name) === true) return name;
      objects.at(-1)?.add(name);
    }
  }
  return undefined;
}
