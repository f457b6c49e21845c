/** Says why a value does not fit; becomes a `data` error that names stream, column and row. */
export class ValueError extends Error {}

/** Never the value itself: it may be a secret or personal. */
export function kindOf(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
