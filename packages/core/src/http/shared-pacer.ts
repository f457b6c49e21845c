import { createHash } from 'node:crypto';
import { Pacer, type PacerOptions } from './pacer.ts';

const pacers = new Map<string, Pacer>();

/**
 * The one pacer of this process for a token: every connector that uses the token shares its quota,
 * whatever it calls itself. The options are those of whoever comes first. The token itself is not
 * kept.
 */
export function sharedPacer(token: string, options: PacerOptions): Pacer {
  const key = createHash('sha256').update(token).digest('base64');
  const pacer = pacers.get(key) ?? new Pacer(options);
  pacers.set(key, pacer);
  return pacer;
}
