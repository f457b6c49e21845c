import { createHash } from 'node:crypto';

/**
 * Key under which all who use a token find what is known of one of its quotas. It tells nothing of
 * the token: a digest of it and of what the quota is for, such as an account.
 */
export function quotaKey(token: string, ...of: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([token, ...of]))
    .digest('base64url')
    .slice(0, 22);
}
