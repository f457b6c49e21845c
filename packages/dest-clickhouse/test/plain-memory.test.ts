import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { PlainMemory, type PlainPieces } from '../src/plain-memory.ts';

const content = async (body: PlainPieces): Promise<Buffer> => {
  let bytes = Buffer.alloc(0);
  await body.send(async (pieces) => {
    bytes = Buffer.concat(pieces);
  });
  return bytes;
};
const memoryOf = async (body: PlainPieces): Promise<ReadonlySet<ArrayBufferLike>> => {
  const buffers = new Set<ArrayBufferLike>();
  await body.send(async (pieces) => pieces.forEach(({ buffer }) => buffers.add(buffer)));
  return buffers;
};
const filled = (memory: PlainMemory, bytes: Uint8Array): PlainPieces => {
  const body = memory.open();
  body.write(bytes);
  return body;
};

test('what was written comes out, whatever its pieces', async () => {
  const bytes = randomBytes(3_000_000);
  const body = new PlainMemory().open();
  let at = 0;
  for (const length of [0, 1, 262_143, 262_144, 262_145, 7, 900_000]) {
    body.write(bytes.subarray(at, at + length));
    at += length;
  }
  body.write(bytes.subarray(at));
  body.close();
  expect(body.length).toBe(bytes.length);
  expect((await content(body)).equals(bytes)).toBe(true);
  // It may be sent again.
  expect((await content(body)).equals(bytes)).toBe(true);
  expect(await content(new PlainMemory().open())).toHaveLength(0);
});

test('memory is used again once the server has answered, or when nothing was sent', async () => {
  const memory = new PlainMemory();
  const first = filled(memory, randomBytes(600_000));
  const used = await memoryOf(first);
  first.remove();
  const second = filled(memory, randomBytes(300_000));
  second.remove();
  const third = filled(memory, randomBytes(700_000));
  expect((await memoryOf(third)).isSubsetOf(used)).toBe(true);
});

test.each(['and no other is made', 'and the next one is answered'])(
  'memory is let go of when an attempt has failed, for it may still be read: %s',
  async (then) => {
    const memory = new PlainMemory();
    const failing = filled(memory, randomBytes(10));
    const lost = new Set<ArrayBufferLike>();
    await expect(
      failing.send(async (pieces) => {
        pieces.forEach(({ buffer }) => lost.add(buffer));
        throw new Error('the answer is lost');
      }),
    ).rejects.toThrow('the answer is lost');
    if (then.includes('answered')) await memoryOf(failing);
    failing.remove();
    expect((await memoryOf(filled(memory, randomBytes(10)))).isDisjointFrom(lost)).toBe(true);
  },
);

test('memory that many inserts had at once is not kept for those that follow', async () => {
  const memory = new PlainMemory();
  const bodies = Array.from({ length: 12 }, () => filled(memory, Buffer.alloc(8 * 1024 * 1024)));
  const had = new Set<ArrayBufferLike>();
  for (const body of bodies) {
    for (const buffer of await memoryOf(body)) had.add(buffer);
    body.remove();
  }
  expect(had.size).toBe(12 * 32);
  const again = await memoryOf(filled(memory, Buffer.alloc(96 * 1024 * 1024)));
  expect(again.intersection(had).size).toBe(128);
});
