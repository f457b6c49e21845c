/**
 * The version of the Graph API that is asked, in one place. Reports say why they failed from v25.0 on
 * (Meta's developer blog, 2026-01-08).
 */
export const API_VERSION = 'v25.0';
