import type { PublishedSlice } from './published-slice.ts';

/** What became of the slices that were published. */
export interface SliceCounts {
  readonly slicesPublished: number;
  /** Of them, those whose rows were there before just as they are, so that none was written. */
  readonly slicesUnchanged: number;
  /** Of them, those that had been published before, with other rows. Absent: none, as far as is known. */
  readonly slicesRestated?: number;
  /** Their rows that came, went, or have other values now, as far as they were counted. Absent: none. */
  readonly rowsRestated?: number;
}

export const NO_SLICES: SliceCounts = { slicesPublished: 0, slicesUnchanged: 0 };

export function addSliceCounts(counts: SliceCounts, { isUnchanged, restated }: PublishedSlice): SliceCounts {
  const known = {
    ...counts,
    slicesPublished: counts.slicesPublished + 1,
    slicesUnchanged: counts.slicesUnchanged + (isUnchanged ? 1 : 0),
  };
  if (restated === undefined) return known;
  const slicesRestated = (counts.slicesRestated ?? 0) + 1;
  const rowsRestated = (counts.rowsRestated ?? 0) + (restated.rows ?? 0);
  return { ...known, slicesRestated, ...(rowsRestated === 0 ? {} : { rowsRestated }) };
}
