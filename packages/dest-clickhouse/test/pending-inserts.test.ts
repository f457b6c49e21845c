import { describe, expect, it } from 'vitest';
import { InsertQueue } from '../src/insert-queue.ts';
import { PendingInserts, type PendingInsert } from '../src/pending-inserts.ts';

/** Inserts that end when they are told to. */
class Inserts {
  readonly begun: string[] = [];
  readonly released: string[] = [];
  readonly #ends = new Map<string, { resolve(): void; reject(error: Error): void }>();

  one(name: string): PendingInsert {
    return {
      run: async () => {
        this.begun.push(name);
        await new Promise<void>((resolve, reject) => this.#ends.set(name, { resolve, reject }));
      },
      release: () => this.released.push(name),
    };
  }

  end(name: string): void {
    this.#ends.get(name)?.resolve();
  }

  fail(name: string): void {
    this.#ends.get(name)?.reject(new Error(`${name} failed`));
  }
}

/** Whether a promise is still waiting once everything that can go on has gone on. */
async function waits(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => 'done',
    () => 'failed',
  );
  return (await Promise.race([settled, new Promise((resolve) => setImmediate(resolve, 'waits'))])) === 'waits';
}

describe('the inserts of a table', () => {
  it('are made a few at once with those of all other tables, in the order in which they came', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(2);
    const tables = Array.from({ length: 4 }, () => new PendingInserts());
    for (const [index, table] of tables.entries()) await table.enqueue(inserts.one(`t${index}`), queue, 3);
    expect(inserts.begun).toEqual(['t0', 't1']);
    inserts.end('t1');
    await tables[1]?.idle();
    expect(inserts.begun).toEqual(['t0', 't1', 't2']);
    expect(inserts.released).toEqual(['t1']);
    expect(await waits(tables[3]?.idle() ?? Promise.resolve())).toBe(true);
  });

  it('are not waited for by one whose operation is aborted, nor by one of a table that is given up', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    const [one, other, third] = [new PendingInserts(), new PendingInserts(), new PendingInserts()];
    await one.enqueue(inserts.one('a'), queue, 0);
    const abort = new AbortController();
    const aborted = other.enqueue(inserts.one('b'), queue, 0, abort.signal);
    const cleared = third.enqueue(inserts.one('c'), queue, 0);
    abort.abort(new Error('no time left'));
    await expect(aborted).rejects.toThrow('no time left');
    await Promise.all([expect(cleared).rejects.toThrow('given up'), third.clear()]);
    expect(inserts.begun).toEqual(['a']);
    inserts.end('a');
    await one.idle();
  });

  it('are not taken while too many of all tables are not made yet', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    const [one, other] = [new PendingInserts(), new PendingInserts()];
    await one.enqueue(inserts.one('a'), queue, 1);
    await one.enqueue(inserts.one('b'), queue, 1);
    const third = other.enqueue(inserts.one('c'), queue, 1);
    expect(await waits(third)).toBe(true);
    inserts.end('a');
    await third;
    expect(inserts.begun).toEqual(['a', 'b']);
  });

  it('begin at once where there is no queue', async () => {
    const inserts = new Inserts();
    const table = new PendingInserts();
    table.begin(inserts.one('a'));
    expect(inserts.begun).toEqual(['a']);
    const idle = table.idle();
    expect(await waits(idle)).toBe(true);
    inserts.end('a');
    await idle;
    expect(inserts.released).toEqual(['a']);
  });

  it('are given up when one fails, which is said once nothing runs any more; other tables go on', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(2);
    const [table, other] = [new PendingInserts(), new PendingInserts()];
    for (const name of ['a', 'b', 'c']) await table.enqueue(inserts.one(name), queue, 9);
    await other.enqueue(inserts.one('d'), queue, 9);
    inserts.fail('a');
    const idle = table.idle();
    expect(await waits(idle)).toBe(true);
    expect(inserts.released).toEqual(['a', 'c']);
    inserts.end('b');
    await expect(idle).rejects.toThrow('a failed');
    expect(inserts.begun).toEqual(['a', 'b', 'd']);
    await expect(table.enqueue(inserts.one('e'), queue, 9)).rejects.toThrow('a failed');
    expect(() => table.begin(inserts.one('f'))).toThrow('a failed');
    inserts.end('d');
    await other.idle();
    // Who could not give it away still has it.
    expect(inserts.released).toEqual(['a', 'c', 'b', 'd']);
  });

  it('that waits for room does not begin when an earlier one fails meanwhile', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    const table = new PendingInserts();
    await table.enqueue(inserts.one('a'), queue, 0);
    const second = table.enqueue(inserts.one('b'), queue, 0);
    inserts.fail('a');
    await expect(second).rejects.toThrow('a failed');
    expect(inserts.begun).toEqual(['a']);
  });

  it('that waits for room is not taken when all are given up meanwhile', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    const [table, other] = [new PendingInserts(), new PendingInserts()];
    await other.enqueue(inserts.one('a'), queue, 0);
    const second = table.enqueue(inserts.one('b'), queue, 0);
    await table.clear();
    inserts.end('a');
    await expect(second).rejects.toThrow('given up');
    expect(inserts.begun).toEqual(['a']);
  });

  it('are taken one at a time when several wait for the same room', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    const tables = Array.from({ length: 3 }, () => new PendingInserts());
    await tables[0]?.enqueue(inserts.one('a'), queue, 0);
    const waiting = tables.slice(1).map((table, index) => table.enqueue(inserts.one(`w${index}`), queue, 0));
    inserts.end('a');
    await waiting[0];
    expect(await waits(waiting[1] ?? Promise.resolve())).toBe(true);
    inserts.end('w0');
    await waiting[1];
    expect(inserts.begun).toEqual(['a', 'w0', 'w1']);
  });

  it('fail with what releasing them failed with', async () => {
    const queue = new InsertQueue(1);
    const table = new PendingInserts();
    const release = (): void => {
      throw new Error('cannot be removed');
    };
    await table.enqueue({ run: async () => undefined, release }, queue, 0);
    await expect(table.idle()).rejects.toThrow('cannot be removed');
    await table.clear();
    await table.enqueue({ run: async () => undefined }, queue, 0);
    await table.idle();
  });

  it('can be made again when they were cleared', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    const table = new PendingInserts();
    for (const name of ['a', 'b']) await table.enqueue(inserts.one(name), queue, 3);
    const cleared = table.clear();
    expect(inserts.released).toEqual(['b']);
    inserts.fail('a');
    await cleared;
    await table.enqueue(inserts.one('c'), queue, 0);
    // What was given up still had its turn, in which nothing happens.
    expect(inserts.begun).toEqual(['a', 'c']);
    inserts.end('c');
    await table.idle();
  });
});
