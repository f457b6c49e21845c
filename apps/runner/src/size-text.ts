const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** Bytes of `512MB`, `8GB`, written as PostgreSQL's settings are; `undefined` when it is none. */
export function sizeBytes(text: string): number | undefined {
  const [, value, unit] = /^(\d{1,9}(?:\.\d{1,3})?)\s*(B|kB|MB|GB|TB)$/.exec(text.trim()) ?? [];
  if (value === undefined || unit === undefined) return undefined;
  const bytes = Math.round(Number(value) * (UNITS[unit] ?? 0));
  return bytes > 0 ? bytes : undefined;
}
