import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EtlError } from '@etl/core';
import type { DerivedStream } from './derived-stream.ts';
import { builtInTransforms } from './transforms/built-in.ts';

/** A derived stream as a configuration names it. */
export interface TransformReference {
  /** A built-in one, such as `inline_ad_logs`, or `<module>#<export>`: a function that returns a `DerivedStream`. */
  readonly transform: string;
  /** Given to the function. */
  readonly options?: Readonly<Record<string, string>> | undefined;
}

/**
 * Finds the function and calls it. Modules are looked for from `directory` on when they begin with a dot, and as
 * packages otherwise.
 *
 * @throws `PG_TRANSFORM_UNKNOWN` (config).
 */
export async function loadTransform(
  { transform, options = {} }: TransformReference,
  directory: string = process.cwd(),
): Promise<DerivedStream> {
  const known = Object.hasOwn(builtInTransforms, transform) ? builtInTransforms[transform] : undefined;
  if (known !== undefined) return known({ ...options });
  const [module = '', name = 'default'] = transform.split('#');
  const names = Object.keys(builtInTransforms).join(', ');
  if (!transform.includes('#')) throw unknown(transform, `it is none of ${names}, and names no module`);
  let exported: unknown;
  try {
    const address = /^[./]/.test(module) ? pathToFileURL(resolve(directory, module)).href : module;
    exported = ((await import(address)) as Record<string, unknown>)[name];
  } catch (error) {
    throw unknown(transform, 'its module cannot be imported', error);
  }
  if (typeof exported !== 'function') throw unknown(transform, `its module exports no function ${name}`);
  const stream = (exported as (given: Readonly<Record<string, string>>) => unknown)({ ...options });
  if (typeof stream === 'object' && stream !== null && 'derive' in stream) return stream as DerivedStream;
  throw unknown(transform, 'what it returns is no derived stream');
}

function unknown(transform: string, why: string, cause?: unknown): EtlError {
  return new EtlError({
    code: 'PG_TRANSFORM_UNKNOWN',
    kind: 'config',
    message: `The transform ${transform} cannot be used: ${why}.`,
    hint: 'Name a built-in transform, or a module and its export, such as ./transforms/clicks.ts#clicks.',
    ...(cause === undefined ? {} : { cause }),
  });
}
