import { binaryAsRows, late, mapValues } from './destination-mistakes.ts';
import type { Mistake } from './mistaken.ts';

/** Mistakes with rows as text or as bytes, each with the promise that sees it. */
export const FORM_MUTANTS: readonly (readonly [bug: string, promise: string, Mistake])[] = [
  [
    'believes the lines, whatever the batch says',
    'refuses lines that are not what the batch says, and commits nothing of them',
    {
      load: (load) => ({
        writeText: (stream, batch) =>
          load.writeText(stream, {
            ...batch,
            rowCount: Buffer.from(batch.bytes).toString('utf8').split('\n').length - 1,
          }),
      }),
    },
  ],
  [
    'knows one lane',
    'stores the same whatever a batch says of itself',
    {
      load: (load) => ({
        writeText: async (stream, batch) => {
          if ((batch.lane ?? 0) === 0) await load.writeText(stream, batch);
        },
      }),
    },
  ],
  [
    'makes empty text of the NULL of bytes',
    'makes of bytes the table that it makes of rows, for every type',
    binaryAsRows((row) => mapValues(row, (value) => (value === null ? '' : value))),
  ],
  [
    'reads bytes when their memory is another’s',
    'keeps the memory of a batch of bytes to the source once it was taken over',
    late('writeBinary'),
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
