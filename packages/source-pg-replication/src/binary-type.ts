import type { ByteMemory } from './byte-memory.ts';

/**
 * How a type's values stand in COPY's binary format:
 *
 * - `1` `2` `4` `8`: so many bytes, the highest first; `halves`: twice eight; `float4`, `float8`: IEEE 754
 * - `text`, `bytes`: as they are; `jsonb`: behind the number of its form
 * - `date`, `timestamp`: days and microseconds since 2000-01-01; `time`: microseconds
 * - `numeric`: see `numeric-bytes`
 * - `items`: an array of such values
 */
export type BinaryType = BinaryScalar | { readonly items: BinaryScalar };

export type BinaryScalar =
  | '1'
  | '2'
  | '4'
  | '8'
  | 'halves'
  | 'float4'
  | 'float8'
  | 'text'
  | 'bytes'
  | 'jsonb'
  | 'date'
  | 'timestamp'
  | 'time'
  | 'numeric';

/**
 * Writes a value to `to` from `at` on, where there is room for its length, `MOST_ADDED`, what `extraRoom` asks for and a
 * word. Returns the place behind it; -1 for a value that cannot be held.
 *
 * @throws `ValueError` of a value that may not be replaced either.
 */
export type WriteBinary = (from: ByteMemory, start: number, end: number, to: ByteMemory, at: number) => number;
