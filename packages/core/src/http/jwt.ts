import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { EtlError } from '../etl-error.ts';
import { CachedToken } from './cached-token.ts';
import { systemClock, type Clock } from './clock.ts';

export interface JwtOptions {
  /** RS256 for Google's service accounts, ES256 for App Store Connect. */
  readonly algorithm: 'RS256' | 'ES256';
  /** PEM, PKCS#8. */
  readonly privateKey: string;
  readonly keyId?: string | undefined;
  /** `iat` and `exp` included, in seconds. */
  readonly claims: Readonly<Record<string, string | number>>;
}

/**
 * A signed JSON web token (RFC 7519).
 *
 * @throws JWT_KEY_INVALID when the key cannot be read or does not fit the algorithm.
 */
export function signJwt({ algorithm, privateKey, keyId, claims }: JwtOptions): string {
  const key = readKey(algorithm, privateKey);
  const header = { alg: algorithm, typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
  const content = `${base64url(header)}.${base64url(claims)}`;
  // RFC 7518 wants both numbers of the signature side by side; OpenSSL's default is DER.
  const signature = sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}

export interface SelfSignedTokenOptions extends Omit<JwtOptions, 'claims'> {
  /** Without `iat` and `exp`. */
  readonly claims: Readonly<Record<string, string | number>>;
  /** App Store Connect accepts up to 20 minutes (docs: Generating Tokens for API Requests, read 2026-11). */
  readonly lifetimeMs: number;
  /** How long before its end a token is renewed. @default 120000 */
  readonly skewMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** A token that is a JWT signed by its user, as App Store Connect takes them. */
export function selfSignedToken(options: SelfSignedTokenOptions): CachedToken {
  const { lifetimeMs, claims, clock = systemClock } = options;
  return new CachedToken({
    clock,
    skewMs: options.skewMs,
    issue: () => {
      const now = clock.now();
      const issuedAt = Math.floor(now / 1000);
      const expiresAt = issuedAt + Math.floor(lifetimeMs / 1000);
      const token = signJwt({ ...options, claims: { ...claims, iat: issuedAt, exp: expiresAt } });
      return Promise.resolve({ token, expiresAt: expiresAt * 1000 });
    },
  });
}

function readKey(algorithm: JwtOptions['algorithm'], privateKey: string): KeyObject {
  const key = parseKey(privateKey);
  const details = key?.asymmetricKeyDetails;
  const fits =
    algorithm === 'RS256'
      ? key?.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= 2048
      : key?.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1';
  if (key !== undefined && fits) return key;
  throw new EtlError({
    code: 'JWT_KEY_INVALID',
    kind: 'config',
    message: `The private key is not a key for ${algorithm}.`,
    hint: 'Give the whole PEM text of the key, with its line breaks, as the platform lets you download it.',
    context: { algorithm, found: key?.asymmetricKeyType ?? 'no private key' },
  });
}

function parseKey(privateKey: string): KeyObject | undefined {
  try {
    return createPrivateKey(privateKey);
  } catch {
    return undefined;
  }
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
