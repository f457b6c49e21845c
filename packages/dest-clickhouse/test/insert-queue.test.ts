import { describe, expect, it } from 'vitest';
import { InsertQueue } from '../src/insert-queue.ts';

/** Inserts that end when they are told to. */
class Inserts {
  readonly begun: string[] = [];
  readonly released: string[] = [];
  readonly #ends = new Map<string, { resolve(): void; reject(error: Error): void }>();

  one(name: string): { run(): Promise<void>; release(): void } {
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
  const turn = new Promise((resolve) => setImmediate(resolve, 'waits'));
  return (await Promise.race([promise.then(() => 'done'), turn])) === 'waits';
}

describe('InsertQueue', () => {
  it('makes a few at once, the others in the order in which they came', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(2);
    for (const name of ['a', 'b', 'c', 'd']) await queue.add(inserts.one(name), 3);
    expect(inserts.begun).toEqual(['a', 'b']);
    inserts.end('b');
    expect(await waits(queue.idle())).toBe(true);
    expect(inserts.begun).toEqual(['a', 'b', 'c']);
    expect(inserts.released).toEqual(['b']);
  });

  it('takes one more only while few enough are not made yet', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    await queue.add(inserts.one('a'), 1);
    await queue.add(inserts.one('b'), 1);
    const third = queue.add(inserts.one('c'), 1);
    expect(await waits(third)).toBe(true);
    inserts.end('a');
    await third;
    expect(inserts.begun).toEqual(['a', 'b']);
  });

  it('is idle when the last one is made', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(2);
    await queue.idle();
    await queue.add(inserts.one('a'), 3);
    const idle = queue.idle();
    expect(await waits(idle)).toBe(true);
    inserts.end('a');
    await idle;
    expect(inserts.released).toEqual(['a']);
  });

  it('gives up what waits when one fails, and says so once nothing runs any more', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(2);
    for (const name of ['a', 'b', 'c']) await queue.add(inserts.one(name), 3);
    const idle = queue.idle();
    idle.catch(() => undefined);
    inserts.fail('a');
    expect(await waits(idle.catch(() => undefined))).toBe(true);
    expect(inserts.released).toEqual(['c', 'a']);
    inserts.end('b');
    await expect(idle).rejects.toThrow('a failed');
    expect(inserts.begun).toEqual(['a', 'b']);
    await expect(queue.add(inserts.one('d'), 3)).rejects.toThrow('a failed');
    // Who could not give it away still has it.
    expect(inserts.released).not.toContain('d');
  });

  it('can be used again when it was cleared', async () => {
    const inserts = new Inserts();
    const queue = new InsertQueue(1);
    for (const name of ['a', 'b']) await queue.add(inserts.one(name), 3);
    const cleared = queue.clear();
    expect(inserts.released).toEqual(['b']);
    inserts.fail('a');
    await cleared;
    await queue.add(inserts.one('c'), 0);
    inserts.end('c');
    await queue.idle();
    expect(inserts.begun).toEqual(['a', 'c']);
  });
});
