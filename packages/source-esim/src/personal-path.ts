import { datasetError } from './dataset-error.ts';
import { ExactNumber } from './exact-value.ts';

/** Personal data inside of a column that holds objects: `payload.email`, also of each object of a list. */
export interface PersonalPath {
  /** As configuration writes it. */
  readonly name: string;
  readonly column: string;
  readonly keys: readonly string[];
}

export function personalPath(name: string): PersonalPath | undefined {
  const [column = '', ...keys] = name.split('.');
  return keys.length === 0 ? undefined : { name, column, keys };
}

/**
 * A copy of the value of a column without what is at the path, or with `replace` of it in its place.
 * `onFound` is told of every place.
 *
 * @throws `ESIM_PII_PATH_INVALID` (data) where the path leads into something that is no object: text that
 * holds JSON, for one.
 */
export function cleaned(
  value: unknown,
  path: PersonalPath,
  {
    dataset,
    replace,
    onFound,
  }: {
    readonly dataset: string;
    readonly replace?: (found: unknown) => unknown;
    readonly onFound: () => void;
  },
): unknown {
  const clean = (part: unknown, keys: readonly string[]): unknown => {
    const [key, ...more] = keys;
    if (key === undefined || part === null || part === undefined) return part;
    if (Array.isArray(part)) return part.map((item) => clean(item, keys));
    if (typeof part !== 'object' || part instanceof ExactNumber) throw notReached(dataset, path);
    if (!Object.hasOwn(part, key)) return part;
    const found = (part as Readonly<Record<string, unknown>>)[key];
    if (more.length > 0) return { ...part, [key]: clean(found, more) };
    onFound();
    if (replace !== undefined) return { ...part, [key]: replace(found) };
    return Object.fromEntries(Object.entries(part).filter(([name]) => name !== key));
  };
  return clean(value, path.keys);
}

function notReached(dataset: string, { name, column }: PersonalPath): Error {
  return datasetError(
    'ESIM_PII_PATH_INVALID',
    'data',
    dataset,
    `has a value of ${column} on the way to ${name} that is no object, so that nothing in it can be dropped or hashed`,
    `Drop or hash the whole of ${column}; nothing was stored.`,
  );
}
