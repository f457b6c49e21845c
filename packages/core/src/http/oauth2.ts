import { EtlError } from '../etl-error.ts';
import { CachedToken, type IssuedToken } from './cached-token.ts';
import { systemClock } from './clock.ts';
import { createHttpClient } from './http-client.ts';
import type { Answer, HttpOptions } from './http-options.ts';
import { signJwt } from './jwt.ts';

export interface OAuth2Options extends Pick<
  HttpOptions,
  'fetch' | 'clock' | 'random' | 'timeouts' | 'retry' | 'logger' | 'tracer'
> {
  /** Where tokens are issued. */
  readonly tokenUrl: string;
  /** How long before its end a token is renewed. @default 120000 */
  readonly skewMs?: number | undefined;
}

export interface ClientCredentialsOptions extends OAuth2Options {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes?: readonly string[] | undefined;
}

/** Tokens for a client itself (RFC 6749 §4.4). */
export function clientCredentials(options: ClientCredentialsOptions): CachedToken {
  const { clientId, clientSecret, scopes } = options;
  return oauth2Token(options, [clientSecret], () => ({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    ...scopeOf(scopes),
  }));
}

export interface RefreshTokenOptions extends OAuth2Options {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly refreshToken: string;
  /** Told when the platform replaces the refresh token; the old one may stop working. */
  readonly onRotate?: ((refreshToken: string) => void) | undefined;
}

/** Tokens for a user who once agreed (RFC 6749 §6). */
export function refreshToken(options: RefreshTokenOptions): CachedToken {
  const { clientId, clientSecret, onRotate } = options;
  let present = options.refreshToken;
  return oauth2Token(
    options,
    [clientSecret, present],
    () => ({
      grant_type: 'refresh_token',
      client_id: clientId,
      client_secret: clientSecret,
      refresh_token: present,
    }),
    (rotated) => {
      if (rotated === present) return;
      present = rotated;
      onRotate?.(rotated);
    },
  );
}

export interface ServiceAccountOptions extends OAuth2Options {
  readonly clientEmail: string;
  /** PEM, PKCS#8. */
  readonly privateKey: string;
  readonly privateKeyId?: string | undefined;
  readonly scopes: readonly string[];
  /** The user to act for, where the domain allows it. */
  readonly subject?: string | undefined;
}

/** Tokens for a service account by a signed assertion (RFC 7523), as Google's APIs take them. */
export function serviceAccount(options: ServiceAccountOptions): CachedToken {
  const { clientEmail, privateKey, privateKeyId, scopes, subject, tokenUrl, clock = systemClock } = options;
  return oauth2Token(options, [privateKey], () => {
    const issuedAt = Math.floor(clock.now() / 1000);
    const claims = {
      iss: clientEmail,
      scope: scopes.join(' '),
      aud: tokenUrl,
      iat: issuedAt,
      exp: issuedAt + 3600,
      ...(subject === undefined ? {} : { sub: subject }),
    };
    return {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: signJwt({ algorithm: 'RS256', privateKey, keyId: privateKeyId, claims }),
    };
  });
}

/** When the server does not say how long a token lives. */
const ASSUMED_LIFETIME_S = 300;

function oauth2Token(
  options: OAuth2Options,
  secrets: readonly string[],
  form: () => Readonly<Record<string, string>>,
  onRotate?: (refreshToken: string) => void,
): CachedToken {
  const { tokenUrl, skewMs, clock = systemClock, ...rest } = options;
  const { fetch, random, timeouts, retry, logger, tracer } = rest;
  const http = createHttpClient({ baseUrl: tokenUrl, fetch, clock, random, timeouts, retry, logger, tracer, secrets });
  return new CachedToken({
    clock,
    skewMs,
    issue: async ({ signal }): Promise<IssuedToken> => {
      const askedAt = clock.now();
      const { body } = await http.json('', {
        method: 'POST',
        form: form(),
        isIdempotent: true,
        classify: refusal,
        signal,
      });
      const { access_token, expires_in, refresh_token } = Object(body) as Record<string, unknown>;
      if (typeof access_token !== 'string' || access_token === '') throw missingToken(http.describe(''));
      if (typeof refresh_token === 'string') onRotate?.(refresh_token);
      const lifetimeS = Number(expires_in ?? ASSUMED_LIFETIME_S);
      return {
        token: access_token,
        expiresAt: askedAt + (lifetimeS > 0 ? lifetimeS : ASSUMED_LIFETIME_S) * 1000,
      };
    },
  });
}

function missingToken(url: string): EtlError {
  return new EtlError({
    code: 'OAUTH_TOKEN_MISSING',
    kind: 'auth',
    message: `${url} answered without an access token.`,
    hint: 'Check the token URL.',
  });
}

/** The errors of RFC 6749 §5.2; the description is left out, for it may quote what was sent. */
function refusal({ status, url, json }: Answer): EtlError | undefined {
  const { error } = Object(json) as { error?: unknown };
  if (status < 400 || status >= 500 || typeof error !== 'string' || !/^[a-z_]{1,40}$/.test(error)) return undefined;
  const context = { url, status, error };
  if (error === 'invalid_grant') {
    return new EtlError({
      code: 'OAUTH_GRANT_INVALID',
      kind: 'auth',
      message: `${url} no longer accepts the refresh token or the service account's key.`,
      hint: 'Give the user’s consent again, or a new key; for a service account, check the machine’s clock too.',
      context,
    });
  }
  if (error === 'invalid_client' || error === 'unauthorized_client') {
    return new EtlError({
      code: 'OAUTH_CLIENT_REFUSED',
      kind: 'auth',
      message: `${url} does not accept the client (${error}).`,
      hint: 'Check client id and client secret, and that the client may use this grant.',
      context,
    });
  }
  if (status === 429) return undefined;
  return new EtlError({
    code: 'OAUTH_REQUEST_REJECTED',
    kind: 'config',
    message: `${url} rejected the request for a token (${error}).`,
    hint: 'Check the scopes and the options of the credentials.',
    context,
  });
}

function scopeOf(scopes: readonly string[] | undefined): { scope?: string } {
  return scopes === undefined || scopes.length === 0 ? {} : { scope: scopes.join(' ') };
}
