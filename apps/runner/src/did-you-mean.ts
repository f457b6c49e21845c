/** The known name closest to what was typed, when it is close enough to have been meant. */
export function didYouMean(
  typed: string,
  known: Iterable<string>,
  furthest = Math.max(1, Math.floor(typed.length / 3)),
): string | undefined {
  let best: string | undefined;
  let bestDistance = furthest + 1;
  for (const name of known) {
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const best = Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      next.push(isSwap ? Math.min(best, (older[j - 2] ?? 0) + 1) : best);
    }
    older = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
