import { expect, test } from 'vitest';
import { usePostgres } from './support/postgres.ts';
import { Replica } from './support/replica.ts';

const postgres = usePostgres();

test.each(['late', 'never', 'not, at once'])('a slot is made when the note of it was stored (%s)', async (when) => {
  await using database = await postgres.database('CREATE TABLE items (id int PRIMARY KEY)');
  const replica = new Replica(database, { tables: ['items'] });
  const slots = (): Promise<string | null> =>
    database.value(`SELECT count(*) FROM pg_replication_slots WHERE slot_name = '${database.name}'`);
  const published = (): Promise<string | null> =>
    database.value(`SELECT count(*) FROM pg_publication WHERE pubname = '${database.name}'`);
  const { memory, ...request } = replica.request();
  const stored = Promise.withResolvers<void>();
  stored.promise.catch(() => undefined);
  if (when === 'not, at once') stored.reject(new Error('the destination is down'));
  await using source = replica.source();
  const messages = source.read({
    ...request,
    memory: (stream) => ({
      get: async (name) => memory?.(stream).get(name),
      set: async (name, value) => {
        await stored.promise;
        await memory?.(stream).set(name, value);
      },
    }),
  });
  const first = messages[Symbol.asyncIterator]().next();
  first.catch(() => undefined);
  await expect.poll(published).toBe('1');
  expect(await slots()).toBe('0');
  if (when === 'late') {
    stored.resolve();
    expect((await first).done).toBe(false);
    expect(await slots()).toBe('1');
  } else {
    stored.reject(new Error('the destination is down'));
    await expect(first).rejects.toThrow('the source');
    expect(await slots()).toBe('0');
  }
});
