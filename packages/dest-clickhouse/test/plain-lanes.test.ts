import { expect, it } from 'vitest';
import type { PlainBody } from '../src/plain-body.ts';
import { PlainLanes } from '../src/plain-lanes.ts';

const FORM = { format: 'TabSeparated', columns: ['id'] } as const;

class Body implements PlainBody {
  length = 0;
  isRemoved = false;

  write(bytes: Uint8Array): void {
    this.length += bytes.length;
  }

  close(): void {
    this.length += 0;
  }

  remove(): void {
    this.isRemoved = true;
  }
}

/** Sizes of the bodies that come of batches of ten bytes. */
function sizes(lanes: PlainLanes, batches: Iterable<number>): readonly number[] {
  return [...batches].flatMap((lane) =>
    [...lanes.add(FORM, { bytes: new Uint8Array(10), rowCount: 1, lane })].map(({ body }) => body.length),
  );
}

const limits = { chunkRows: 1000, chunkBytes: 240 };
const times = (count: number, ...lanes: readonly number[]): readonly number[] =>
  Array.from({ length: count }, () => lanes).flat();

it('begins with small bodies, so that nobody waits for the first', () => {
  const lanes = new PlainLanes(limits, () => new Body());
  expect(sizes(lanes, times(150, 0))).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 240]);
});

it('keeps what comes of each lane together, and grows with all of them', () => {
  const lanes = new PlainLanes(limits, () => new Body());
  expect(sizes(lanes, times(33, 0, 1))).toEqual([30, 60, 90, 120, 150]);
  expect([...lanes.takeAll()].map(({ body, rows }) => [body.length, rows])).toEqual([
    [150, 15],
    [60, 6],
  ]);
});

it('gives up the bodies that are not whole', () => {
  const bodies: Body[] = [];
  const lanes = new PlainLanes(limits, () => {
    const body = new Body();
    bodies.push(body);
    return body;
  });
  sizes(lanes, [0, 1, 0]);
  lanes.discard();
  expect(bodies.map(({ isRemoved }) => isRemoved)).toEqual([true, true]);
});
