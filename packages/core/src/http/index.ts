export { bearer, fixedHeaders } from './authorization.ts';
export type { Authorization, TokenProvider } from './authorization.ts';
export { CachedToken } from './cached-token.ts';
export type { CachedTokenOptions, IssuedToken } from './cached-token.ts';
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { createHttpClient } from './http-client.ts';
export type { HttpClient } from './http-client.ts';
export type {
  Answer,
  Fetch,
  HttpOptions,
  HttpRequest,
  HttpResponse,
  HttpTimeouts,
  JsonRequest,
  RequestPolicy,
  RetryOptions,
  StreamRequest,
} from './http-options.ts';
export { selfSignedToken, signJwt } from './jwt.ts';
export type { JwtOptions, SelfSignedTokenOptions } from './jwt.ts';
export { losslessText, parseLossless } from './lossless-json.ts';
export type { LosslessOptions } from './lossless-json.ts';
export { clientCredentials, refreshToken, serviceAccount } from './oauth2.ts';
export type { ClientCredentialsOptions, OAuth2Options, RefreshTokenOptions, ServiceAccountOptions } from './oauth2.ts';
export { Pacer } from './pacer.ts';
export type { AcquireOptions, PacerOptions, Usage } from './pacer.ts';
export { paced } from './paced.ts';
export { paginate } from './paginate.ts';
export type { PageEnd, PaginateOptions } from './paginate.ts';
export { quotaKey } from './quota-key.ts';
export { RetryBudget } from './retry-budget.ts';
export { SecretRedactor } from './secret-redactor.ts';
export { Semaphore } from './semaphore.ts';
export { sharedPacer } from './shared-pacer.ts';
export type { Query, QueryValue } from './target-url.ts';
export type { TokenBucketOptions } from './token-bucket.ts';
export { decodeText } from './decode-text.ts';
export type { DecodeOptions } from './decode-text.ts';
export type { DecompressionLimits } from './decompression-limits.ts';
export { gunzip } from './gzip.ts';
export { readCsv } from './read-csv.ts';
export type { CsvOptions, CsvRecord } from './read-csv.ts';
export { unzip } from './zip.ts';
export type { ZipEntry } from './zip.ts';
