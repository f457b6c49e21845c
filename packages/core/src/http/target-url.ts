import { EtlError } from '../etl-error.ts';
import type { SecretRedactor } from './secret-redactor.ts';

export type QueryValue = string | number | bigint | boolean | undefined;

/** Values of `undefined` are left out; an array repeats the name. */
export type Query = Readonly<Record<string, QueryValue | readonly QueryValue[]>>;

/** Which URLs a client may ask, and which of them get its credentials. */
export class TargetUrls {
  readonly #base: URL;
  readonly #allowedHosts: readonly string[];
  readonly #redactor: SecretRedactor;

  constructor(baseUrl: string, allowedHosts: readonly string[], redactor: SecretRedactor) {
    this.#redactor = redactor;
    const base = URL.parse(baseUrl);
    if (base === null || !/^https?:$/.test(base.protocol) || base.username !== '' || base.password !== '') {
      throw new EtlError({
        code: 'HTTP_BASE_URL_INVALID',
        kind: 'config',
        message: 'The base URL is not an http(s) URL without a user.',
        hint: 'Give the base URL as https://host/path, and credentials by their own options.',
      });
    }
    this.#base = base;
    this.#allowedHosts = allowedHosts.map((host) => host.toLowerCase());
  }

  /**
   * The URL of a path below the base URL, or of an absolute URL as platforms give it for the next
   * page.
   *
   * @throws HTTP_HOST_REFUSED for an origin that is neither the base URL's nor allowed.
   */
  resolve(target: string | URL, query: Query = {}): URL {
    const text = String(target);
    const isAbsolute = /^[a-z][a-z0-9+.-]*:/i.test(text);
    const url = URL.parse(isAbsolute ? text : joined(this.#base, text));
    if (url === null) throw this.#refused('A URL is not valid.', {});
    for (const [name, value] of Object.entries(query)) {
      const values: readonly QueryValue[] = Array.isArray(value) ? value : [value as QueryValue];
      if (values.some((one) => one !== undefined)) url.searchParams.delete(name);
      for (const one of values) if (one !== undefined) url.searchParams.append(name, String(one));
    }
    return this.#check(url);
  }

  /** The URL that a redirect names, when the client may follow it. */
  redirected(from: URL, location: string): URL {
    const url = URL.parse(location, from.href);
    if (url === null) throw this.#refused('A redirect names no valid URL.', { url: this.#redactor.url(from) });
    return this.#check(url, from);
  }

  /** Whether requests to this URL carry the client's credentials and headers: those to the base URL's origin do. */
  isTrusted(url: URL): boolean {
    return url.origin === this.#base.origin;
  }

  #check(url: URL, from?: URL): URL {
    if (url.username !== '' || url.password !== '') {
      throw this.#refused('A URL that names a user was refused.', {});
    }
    if (this.isTrusted(url) || this.#isAllowed(url)) {
      url.hash = '';
      return url;
    }
    const place = this.#redactor.text(`${url.protocol}//${url.host}`);
    const what = from === undefined ? 'A request' : 'A redirect';
    throw this.#refused(`${what} to ${place} was refused: only ${this.#base.origin} is allowed.`, {
      place,
      ...(from === undefined ? {} : { redirectedFrom: this.#redactor.url(from) }),
    });
  }

  #isAllowed(url: URL): boolean {
    const isSafe = url.protocol === 'https:' || url.protocol === this.#base.protocol;
    return isSafe && this.#allowedHosts.some((host) => matchesHost(host, url));
  }

  #refused(message: string, context: Record<string, string>): EtlError {
    return new EtlError({
      code: 'HTTP_HOST_REFUSED',
      kind: 'data',
      message,
      hint: 'Correct the base URL, or allow the host if the platform documents it.',
      context,
    });
  }
}

/** `*.example.com` is any host below example.com; a host without a port means the default one. */
function matchesHost(allowed: string, url: URL): boolean {
  if (allowed.startsWith('*.')) return url.port === '' && url.hostname.endsWith(allowed.slice(1));
  return url.host === allowed;
}

function joined(base: URL, path: string): string {
  const [prefix = '', query = ''] = base.href.split('#')[0]?.split('?') ?? [];
  const target =
    path === '' || path.startsWith('?') ? prefix + path : `${prefix.replace(/\/$/, '')}/${path.replace(/^\/+/, '')}`;
  if (query === '') return target;
  return `${target}${target.includes('?') ? '&' : '?'}${query}`;
}
