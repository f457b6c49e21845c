import { EtlError } from '@etl/core';
import { destinationChecks, MemoryStore, memoryDestination, type DestinationFixture } from '../../src/index.ts';
import {
  writing,
  mapping,
  preparing,
  mapValues,
  keepingStaged,
  publishingOne,
  restating,
  droppingColumns,
  textChanged,
  textAsRows,
  late,
  writingBack,
  emptyingFirst,
} from './destination-mistakes.ts';
import { FORM_MUTANTS } from './form-mutants.ts';
import { mistaken, type Mistake } from './mistaken.ts';

type Bug = Mistake | ((store: MemoryStore) => Mistake);

const COMMIT = 'shows nothing of a load before its commit, and everything after';
const SCOPE = 'makes the rows of a scope exactly the rows of the slice, and touches no others';
const VALUES = 'gives back the values of every type as they were written';
const TEXT = 'makes of text the table that it makes of rows, for every type';
const LOOKUP = 'looks up rows of the open load before committed ones';
const DISCARD = 'gives up one stream of a load and commits the others';
const RESTATED = 'where it tells what was restated, tells it of slices published before, row by row';
const REFUSES = 'refuses a slice in which two rows have one primary key';
const ADMITS = 'admits one run of a pipeline at a time';

/** Mistakes that authors of destinations make, each with the promise that sees it. */
export const DESTINATION_MUTANTS: readonly (readonly [bug: string, promise: string, Bug])[] = [
  [
    'fails its own check',
    'passes its own check',
    { destination: () => ({ check: () => Promise.reject(new Error('no')) }) },
  ],
  [
    'shows rows as they are written',
    COMMIT,
    {
      load: (load) => ({
        async write(stream, rows) {
          await load.write(stream, rows);
          await load.commit([]);
        },
      }),
    },
  ],
  [
    'stores the position before the rows',
    COMMIT,
    {
      load: (load, _specs, session) => ({
        async write(stream, rows) {
          await load.write(stream, rows);
          await session.writeState([{ stream, partition: '', value: 7 }]);
        },
      }),
    },
  ],
  [
    'commits what is given up',
    'gives up a load that is disposed without a commit',
    {
      load: (load) => ({
        [Symbol.asyncDispose]: async () => void (await load.commit([])),
      }),
    },
  ],
  [
    'keeps positions in the process',
    'keeps rows and positions over a restart',
    (store) => ({
      destination: () => {
        store.state.clear();
        return {};
      },
    }),
  ],
  [
    'keeps the first row of a key',
    'keeps the last row of a merged key, within a load and over loads',
    writing((rows) => rows.toReversed()),
  ],
  [
    'takes what comes last for the newest',
    'keeps the highest version of a key, whatever the order of arrival',
    mapping(({ _version: _, ...row }) => row),
  ],
  [
    'adds rows that come again',
    'changes nothing when the same rows come again',
    preparing((spec) => ({ ...spec, writeDisposition: 'append' })),
  ],
  [
    'shows what is deleted',
    'removes a key that is marked deleted, and takes it back when it returns',
    mapping((row) => ({ ...row, _deleted: false })),
  ],
  [
    'merges rows that are equal',
    'appends every row once, equal rows included',
    preparing((spec) => ({ ...spec, primaryKey: ['id'], writeDisposition: 'merge' })),
  ],
  [
    'adds to a table that is to be replaced',
    'replaces the whole table of a stream without scopes',
    preparing((spec) => ({ ...spec, writeDisposition: 'merge' })),
  ],
  [
    'ignores truncations',
    'empties a table that was truncated and shows only what came after',
    { load: () => ({ truncate: async () => undefined }) },
  ],
  [
    'keeps what was staged before a truncation',
    'forgets the rows written before a truncation in the same load',
    keepingStaged(),
  ],
  [
    'gives the whole load up for one stream',
    DISCARD,
    {
      load: (load, specs) => ({
        async discard() {
          for (const stream of specs.keys()) await load.discard(stream);
        },
      }),
    },
  ],
  ['gives nothing up', DISCARD, { load: () => ({ discard: async () => undefined }) }],
  [
    'looks up committed rows only',
    LOOKUP,
    {
      load: (_load, specs, session) => ({
        async lookup(stream, keys, columns) {
          const other = await session.beginLoad();
          const spec = specs.get(stream);
          if (spec !== undefined) await other.prepare(spec);
          return other.lookup(stream, keys, columns);
        },
      }),
    },
  ],
  [
    'gives what it finds in an order of its own',
    LOOKUP,
    {
      load: (load) => ({
        lookup: async (stream, keys, columns) => (await load.lookup(stream, keys, columns)).toReversed(),
      }),
    },
  ],
  [
    'leaves what vanished from a scope',
    SCOPE,
    {
      load: (load) => ({
        publish: (stream, { scope: _, ...slice }, entry) => load.publish(stream, slice, entry),
      }),
    },
  ],
  [
    'replaces more than the scope',
    SCOPE,
    {
      load: (load) => ({
        publish: (stream, slice, entry) => load.publish(stream, { ...slice, scope: { equals: {} } }, entry),
      }),
    },
  ],
  [
    'takes an empty slice for nothing to do',
    'makes a scope empty when its slice is',
    {
      load: (load) => ({
        publish: async (stream, slice, entry) => (entry.rows === 0 ? undefined : load.publish(stream, slice, entry)),
      }),
    },
  ],
  [
    'publishes one slice of a load',
    'publishes several slices of one load although their rows came mixed, each row in its own',
    publishingOne(),
  ],
  ['calls every slice restated that was published before', RESTATED, restating((known) => known ?? 0)],
  [
    'counts all rows of a restated slice',
    RESTATED,
    restating((known, rows) => (known === undefined ? undefined : rows)),
  ],
  [
    'takes the last of two rows with one key',
    REFUSES,
    {
      load: (load) => ({
        publish: (stream, slice, entry) => load.publish(stream, slice, entry).catch(() => undefined),
      }),
    },
  ],
  [
    'writes the ledger before the load counts',
    REFUSES,
    {
      load: (load, _specs, session) => ({
        async publish(stream, slice, entry) {
          await session.writeLedger([entry]);
          await load.publish(stream, slice, entry);
        },
      }),
    },
  ],
  [
    'ignores columns that are new',
    'adds the columns that a stream gains, and old rows read NULL there',
    mapping(({ note: _, ...row }) => row),
  ],
  [
    'ignores columns that come in the middle of a load',
    'adds a column in the middle of a load',
    (store) => ({
      load: (load) => ({
        write: (stream, rows) =>
          load.write(stream, store.specs.has(stream) ? rows.map(({ note: _, ...row }) => row) : rows),
      }),
    }),
  ],
  ['drops columns that a stream has no more', 'keeps the column that a stream does not have any more', droppingColumns],
  [
    'says each time that it made the table',
    'says what it changed, and nothing when there was nothing to change',
    {
      load: (load) => ({
        async prepare(spec) {
          await load.prepare(spec);
          return [{ type: 'table-created', stream: spec.name, table: spec.name }];
        },
      }),
    },
  ],
  ['does not quote names', 'takes names that are words of SQL', mapping(({ select: _, ...row }) => row)],
  [
    'cuts rows of many columns',
    'takes rows of many columns',
    mapping((row) => Object.fromEntries(Object.entries(row).slice(0, 200))),
  ],
  [
    'keeps one position of a stream',
    'keeps state by stream and partition, and forgets an entry set to null',
    {
      session: (session) => ({
        writeState: (entries) => session.writeState(entries.map((entry) => ({ ...entry, partition: '' }))),
      }),
    },
  ],
  [
    'keeps one state for all',
    'keeps pipelines apart',
    { destination: (destination) => ({ open: (_, options) => destination.open('p', options) }) },
  ],
  [
    'keeps no failures',
    'keeps the ledger with the load, and failures outside of it',
    { session: () => ({ writeLedger: async () => undefined }) },
  ],
  [
    'forgets what a stream remembers',
    'remembers what a stream must not forget',
    { session: () => ({ writeMemory: async () => undefined }) },
  ],
  [
    'takes a pipeline to look at it',
    'lets people look at what pipelines left, without taking them',
    {
      destination: (destination) => ({
        async inspect(options) {
          await destination.open('p');
          return destination.inspect(options);
        },
      }),
    },
  ],
  [
    'parses long numbers as doubles',
    VALUES,
    mapping((row) => mapValues(row, (value) => (typeof value === 'bigint' ? Number(value) : value))),
  ],
  [
    'trims text',
    VALUES,
    mapping((row) => mapValues(row, (value) => (typeof value === 'string' ? value.trim() : value))),
  ],
  ['makes NULL of empty text', VALUES, mapping((row) => mapValues(row, (value) => (value === '' ? null : value)))],
  [
    'drops the fractions of seconds',
    VALUES,
    mapping((row) =>
      mapValues(row, (value) => (typeof value === 'string' ? value.replace(/(:\d\d)\.\d+/, '$1') : value)),
    ),
  ],
  ['makes empty text of NULL', TEXT, textChanged((text) => text.replaceAll('\\N', ''))],
  ['leaves escapes in text', TEXT, textChanged((text) => text.replaceAll('\\t', '\\\\t'))],
  [
    'uses the memory of a batch later',
    'keeps the memory of a batch to the source once it was taken over',
    late('writeText'),
  ],
  [
    'does not see deletions in text',
    'finds versions and deletions in text, and looks up what it staged',
    textAsRows((row) => ({ ...row, _deleted: false })),
  ],
  [
    'does not see the version of a batch',
    'gives all rows of a batch the version of the batch',
    textAsRows(({ _version: _, ...row }) => row),
  ],
  [
    'merges lines that are equal',
    'appends every line once, equal lines included',
    preparing((spec) => ({ ...spec, primaryKey: ['id'], writeDisposition: 'merge' })),
  ],
  [
    'leaves what vanished from a scope of lines',
    'makes the rows of a scope exactly the lines of the slice',
    {
      load: (load) => ({
        publish: (stream, { scope: _, ...slice }, entry) => load.publish(stream, slice, entry),
      }),
    },
  ],
  ...FORM_MUTANTS,
  [
    'lets two runs in',
    ADMITS,
    (store) => ({
      destination: (destination) => ({
        open(pipeline, options) {
          store.held.delete(pipeline);
          return destination.open(pipeline, options);
        },
      }),
    }),
  ],
  ['never lets a pipeline go', ADMITS, { session: () => ({ [Symbol.asyncDispose]: async () => undefined }) }],
  [
    'refuses a second run as a defect',
    ADMITS,
    {
      destination: (destination) => ({
        open: (pipeline, options) =>
          destination.open(pipeline, options).catch((error: unknown) => {
            const { code, message } = EtlError.from(error);
            throw new EtlError({ code, kind: 'internal', message });
          }),
      }),
    },
  ],
  ['writes the whole table back', 'lets loads of different pipelines into one table at the same time', writingBack],
  ['empties a scope before it fills it', 'never shows a reader half of a scope', emptyingFirst],
  ['cuts long batches', 'takes batches of any size', writing((rows) => rows.slice(0, 40_000))],
];

/** Why the promise says that the bug is one; `undefined` when it does not see it. */
export async function sightOfDestinationBug(bug: Bug, promise: string): Promise<string | undefined> {
  const check = destinationChecks.find(({ name }) => name === promise);
  if (check === undefined) throw new Error(`The kit has no promise "${promise}".`);
  const store = new MemoryStore();
  const mistake = typeof bug === 'function' ? bug(store) : bug;
  const fixture: DestinationFixture = {
    destination: mistaken(memoryDestination(store), mistake),
    restart: async () => mistaken(memoryDestination(store), mistake),
    readRows: async (stream) => store.rows(stream).map(({ _version, _deleted, _row, ...row }) => row),
    async [Symbol.asyncDispose]() {},
  };
  try {
    await check.run(fixture);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
