const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `3.4 MB`, in units of 1024 as PostgreSQL's own settings. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[unit]}`;
}

/** `3 days`, `5.5 h`, `12 min`, `40 s`: the largest unit that fits. */
export function durationText(ms: number): string {
  const [size, unit] = (
    [
      [86_400_000, 'days'],
      [3_600_000, 'h'],
      [60_000, 'min'],
    ] as const
  ).find(([least]) => ms >= least) ?? [1000, 's'];
  return `${Number((ms / size).toFixed(1))} ${unit}`;
}
