/** The value at a path of object keys and array places, such as `legs.0.date`; `undefined` where it ends early. */
export function valueAt(value: unknown, path: string): unknown {
  let found = value;
  for (const part of path.split('.')) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string, unknown>)[part];
  }
  return found;
}

/** The first of several paths that leads to something, as text; null without one. Objects are none. */
export function textAt(value: unknown, paths: readonly string[]): string | null {
  for (const path of paths) {
    const found = valueAt(value, path);
    if (typeof found === 'string' && found !== '') return found;
    if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  }
  return null;
}

/** A whole number at one of the paths; of a list, how many items it has. */
export function countAt(value: unknown, paths: readonly string[]): number | null {
  for (const path of paths) {
    const found = valueAt(value, path);
    if (Array.isArray(found)) return found.length;
    if (typeof found === 'number' || (typeof found === 'string' && /^\d{1,9}$/.test(found))) return Number(found);
  }
  return null;
}

/** A list at one of the paths; empty without one. */
export function listAt(value: unknown, paths: readonly string[]): readonly unknown[] {
  for (const path of paths) {
    const found = valueAt(value, path);
    if (Array.isArray(found)) return found;
  }
  return [];
}

/** JSON text of a column; NULL and the empty text are an empty object. @throws when it is not JSON. */
export function parsed(text: unknown): unknown {
  if (text === null || text === undefined || text === '') return {};
  if (typeof text !== 'string') throw new Error('a column that is to hold JSON is not text');
  return JSON.parse(text);
}
