import type { Measured } from './measured-process.ts';

/** A line for each thing measured; of several rounds the one in the middle by its seconds. */
export function show(what: string, rounds: Measured | readonly Measured[]): void {
  const { rows, seconds, ...measured } = Array.isArray(rounds)
    ? middle(rounds as readonly Measured[])
    : (rounds as Measured);
  print(
    what,
    rows,
    seconds.toFixed(2),
    Math.round(rows / seconds).toLocaleString('en'),
    measured.cpuSeconds?.toFixed(1) ?? '',
    measured.peakMegabytes?.toFixed(0) ?? '',
    measured.ownMegabytes?.toFixed(0) ?? '',
  );
}

/**
 * How often one is the other. Those of a round were measured one after the other, so that what else
 * happens on the machine meets both: the ratio in the middle is told, and between which all lie.
 */
export function ratio(
  what: string,
  rounds: readonly (readonly [one: number | undefined, other: number | undefined])[],
): void {
  const ratios = rounds
    .map(([one = Number.NaN, other = Number.NaN]) => one / other)
    .filter((value) => !Number.isNaN(value))
    .toSorted((one, other) => one - other);
  const [least, most] = [ratios[0], ratios.at(-1)];
  const inMiddle = ratios[Math.floor((ratios.length - 1) / 2)];
  const between = ratios.length > 1 ? ` (${least?.toFixed(2)} to ${most?.toFixed(2)})` : '';
  process.stdout.write(
    `  ${what}: ${inMiddle === undefined ? 'cannot be measured here' : inMiddle.toFixed(2) + between}\n`,
  );
}

export function print(...cells: readonly (string | number)[]): void {
  const [first = '', ...rest] = cells;
  process.stdout.write(`${String(first).padEnd(42)}${rest.map((cell) => String(cell).padStart(10)).join('')}\n`);
}

function middle(rounds: readonly Measured[]): Measured {
  const sorted = rounds.toSorted((one, other) => one.seconds - other.seconds);
  return sorted[Math.floor((sorted.length - 1) / 2)] as Measured;
}
