import type { DerivedStream } from '../../src/index.ts';

/** What somebody else's module exports. */
export function shouts(): DerivedStream {
  return {
    name: 'shouts',
    from: 'notes',
    columns: [
      { name: 'id', type: 'int32', nullable: false },
      { name: 'loud', type: 'string', nullable: true },
    ],
    primaryKey: ['id'],
    maxRows: 1,
    version: 1,
    key: ({ id }) => ({ id }),
    derive: ({ text }) => [{ loud: String(text).toUpperCase() }],
  };
}
