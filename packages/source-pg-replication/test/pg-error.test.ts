import { expect, test } from 'vitest';
import { pgError } from '../src/pg-error.ts';

test.each([
  'Connection terminated unexpectedly',
  'Connection terminated',
  'Client has encountered a connection error and is not queryable',
  'connection closed',
])('a lost connection is worth another try: %s', (message) => {
  const error = pgError(new Error(message), 'marking the end of the reading in the log');
  expect(error).toMatchObject({ code: 'PG_UNREACHABLE', kind: 'transient' });
  expect(error.message).toContain('(connection closed), while marking the end');
});

test.each(['timeout expired', 'Connection terminated due to connection timeout'])(
  'so is a server that does not answer: %s',
  (message) => {
    const error = pgError(new Error(message), 'connecting');
    expect(error).toMatchObject({ code: 'PG_UNREACHABLE', kind: 'transient' });
    expect(error.message).toContain('(no answer in time)');
  },
);

test('what nobody has foreseen is called a defect', () => {
  expect(pgError(new Error('boom'), 'asking')).toMatchObject({ code: 'PG_QUERY_FAILED', kind: 'internal' });
});
