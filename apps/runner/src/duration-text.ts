import { UsageError } from './usage-error.ts';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Reads `90s`, `45m`, `2h`, `1h30m`. @throws `DURATION_INVALID` naming the option. */
export function durationMs(text: string, option: string): number {
  const parts = [...text.trim().matchAll(/(\d{1,6})(s|m|h)/g)];
  const isWhole = parts.map(([part]) => part).join('') === text.trim();
  const ms = parts.reduce((sum, [, value, unit]) => sum + Number(value) * UNIT_MS[unit as keyof typeof UNIT_MS], 0);
  if (isWhole && ms > 0) return ms;
  throw new UsageError({
    code: 'DURATION_INVALID',
    message: `${option} is not a duration.`,
    hint: 'Write it like 90s, 45m, 2h or 1h30m.',
  });
}
