/**
 * The version of the Graph API that is asked, in one place. Reports say why they failed from v25.0 on
 * (Meta's developer blog, 2026-01-08).
 */
export const API_VERSION = 'v25.0';

/**
 * When the Marketing API stops answering a version (Marketing API version history, read 2026-11-28). Later ones
 * have no date yet.
 */
const SUNSETS: Readonly<Record<string, string>> = {
  'v22.0': '2026-02-19',
  'v23.0': '2026-06-09',
  'v24.0': '2026-11-10',
  'v25.0': '2027-02-23',
};

/** The day from which on the version is not answered; `undefined` while none is announced. */
export function sunsetOf(version: string): string | undefined {
  return SUNSETS[version];
}
