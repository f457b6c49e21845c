/** A mark of a part's index: the place of its key among the keys of all marks, and the rows up to the next mark. */
export interface Mark {
  readonly rank: number;
  readonly rows: number;
}

export interface IndexedPart {
  /** Whether it may hold a key twice: no merge, nor the insert that made it, has looked at its rows. */
  readonly isUnmerged: boolean;
  /** In their order; the last one stands for the part's last key and has no rows. */
  readonly marks: readonly Mark[];
}

interface Granule {
  readonly part: IndexedPart;
  readonly first: number;
  readonly last: number;
  readonly rows: number;
}

/**
 * The rows that `FINAL` has to merge while they are read: those of unmerged parts, and those in granules whose
 * range of keys meets that of a granule of another part. The others are read as they are.
 */
export function overlappingRows(parts: readonly IndexedPart[]): number {
  const granules = parts.flatMap(granulesOf).toSorted((a, b) => a.first - b.first);
  const overlapping = new Set(granules.filter(({ part }) => part.isUnmerged));
  for (const granule of meetingEarlier(granules)) overlapping.add(granule);
  for (const granule of meetingLater(granules)) overlapping.add(granule);
  let rows = 0;
  for (const granule of overlapping) rows += granule.rows;
  return rows;
}

// Of two granules in order the later one begins within the earlier or behind it. So of the earlier ones that one
// of another part decides which ends last,
function* meetingEarlier(granules: readonly Granule[]): Generator<Granule> {
  let longest: Granule | undefined;
  let longestElsewhere: Granule | undefined;
  for (const granule of granules) {
    const earlier = longest?.part === granule.part ? longestElsewhere : longest;
    if (earlier !== undefined && granule.first <= earlier.last) yield granule;
    if (longest === undefined || granule.last > longest.last) {
      if (longest?.part !== granule.part) longestElsewhere = longest;
      longest = granule;
    } else if (granule.part !== longest.part && granule.last > (longestElsewhere?.last ?? -1)) {
      longestElsewhere = granule;
    }
  }
}

// and of the later ones the first of another part.
function* meetingLater(granules: readonly Granule[]): Generator<Granule> {
  let next: Granule | undefined;
  let nextElsewhere: Granule | undefined;
  for (const granule of granules.toReversed()) {
    if (next?.part !== granule.part) nextElsewhere = next;
    next = granule;
    if (nextElsewhere !== undefined && nextElsewhere.first <= granule.last) yield granule;
  }
}

function granulesOf(part: IndexedPart): readonly Granule[] {
  return part.marks.slice(0, -1).map(({ rank, rows }, index) => {
    return { part, first: rank, last: part.marks[index + 1]?.rank ?? rank, rows };
  });
}
