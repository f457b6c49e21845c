import { binaryAsRows, lateBinary, mapValues } from './destination-mistakes.ts';
import type { Mistake } from './mistaken.ts';

/** Mistakes with rows as bytes, each with the promise that sees it. */
export const BINARY_MUTANTS: readonly (readonly [bug: string, promise: string, Mistake])[] = [
  [
    'makes empty text of the NULL of bytes',
    'makes of bytes the table that it makes of rows, for every type',
    binaryAsRows((row) => mapValues(row, (value) => (value === null ? '' : value))),
  ],
  [
    'reads bytes when their memory is another’s',
    'keeps the memory of a batch of bytes to the source once it was taken over',
    lateBinary(),
  ],
  [
    'forgets the version of bytes',
    'gives rows as bytes the version of their batch, and looks them up',
    binaryAsRows(({ _version: _, ...row }) => row),
  ],
  [
    'knows one lane of bytes',
    'stores rows as bytes of every lane and version',
    {
      load: (load) => ({
        writeBinary: async (stream, batch) => {
          if ((batch.lane ?? 0) === 0) await load.writeBinary(stream, batch);
        },
      }),
    },
  ],
  [
    'believes bytes, whatever the batch says',
    'commits nothing of bytes that are not what the batch says',
    {
      load: (load) => ({
        writeBinary: (stream, batch) =>
          load.writeBinary(stream, { ...batch, rowCount: Math.floor(batch.bytes.length / 11) }),
      }),
    },
  ],
];
