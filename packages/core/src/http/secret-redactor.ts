const MASK = '***';
/** Shorter values would blank out ordinary words. */
const SHORTEST_SECRET = 4;

/** Names of parameters and headers whose values are secret, wherever they stand. */
const SECRET_NAME =
  /token|secret|passw|pwd|signature|credential|assertion|authorization|cookie|jwt|proof|(?:api|private)[-_]?key$/i;
/** These only in a URL or a header: in a sentence they are ordinary words. */
const SECRET_PARAMETER = /^(?:key|sig|code|auth)$|[-_]key$/i;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, `$1${MASK}@`],
  [/\b(bearer|basic|oauth)\s+[a-z0-9+/._~=|-]{4,}/gi, `$1 ${MASK}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, MASK],
  [/-----BEGIN[\s\S]*?(?:-----END[^-]*-----|$)/g, MASK],
];
const ASSIGNMENT = /([\w.-]+)(["']?\s*[=:]\s*["']?)([^\s&"',;#)}\]]+)/g;

/** Whether the value of this parameter or header must never be shown. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) || SECRET_PARAMETER.test(name);
}

/** Takes secrets out of text: the values it was told, and whatever looks like one. */
export class SecretRedactor {
  readonly #parent: SecretRedactor | undefined;
  readonly #secrets = new Set<string>();
  /** As they were given; a client registers the same token with each of its requests. */
  readonly #given = new Set<string>();
  #longestFirst: readonly string[] | undefined;

  /** Takes out what its parent would, too; its own secrets are gone with it. */
  constructor(parent?: SecretRedactor) {
    this.#parent = parent;
  }

  /** Registers a value together with the forms in which it may come back. */
  add(secret: string): void {
    if (secret.length < SHORTEST_SECRET || this.#knows(secret)) return;
    this.#given.add(secret);
    this.#longestFirst = undefined;
    const written = [
      secret,
      encodeURIComponent(secret),
      encodeURI(secret),
      new URLSearchParams({ _: secret }).toString().slice(2),
      secret.replaceAll(' ', '+'),
    ];
    // A platform may quote JSON inside JSON.
    for (const form of written) {
      for (const quoted of [form, escaped(form), escaped(escaped(form))]) this.#secrets.add(quoted);
    }
  }

  /** Registers the values of a URL's secret parameters, also as they are written there. */
  addParameters(url: URL): void {
    for (const [name, value] of url.searchParams) if (isSecretName(name)) this.add(value);
    for (const part of url.search.slice(1).split('&')) {
      const sign = part.indexOf('=');
      if (sign > 0 && isSecretName(part.slice(0, sign))) this.add(part.slice(sign + 1));
    }
  }

  text(text: string): string {
    let redacted = text;
    for (const secret of this.#all()) redacted = redacted.replaceAll(secret, MASK);
    for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
    return redacted.replace(ASSIGNMENT, (whole, name: string, sign: string) =>
      SECRET_NAME.test(name) ? `${name}${sign}${MASK}` : whole,
    );
  }

  /** Origin, path and query with the values of secret parameters masked; no user, no fragment. */
  url(url: URL): string {
    const query = [...url.searchParams].map(([name, value]) =>
      isSecretName(name) ? `${encodeURIComponent(name)}=${MASK}` : new URLSearchParams([[name, value]]).toString(),
    );
    const shown = `${url.origin}${url.pathname}${query.length === 0 ? '' : `?${query.join('&')}`}`;
    return this.text(shown);
  }

  #knows(secret: string): boolean {
    return this.#given.has(secret) || (this.#parent !== undefined && this.#parent.#knows(secret));
  }

  /** Longest first: one secret may be a part of another. */
  #all(): readonly string[] {
    if (this.#secrets.size === 0 && this.#parent !== undefined) return this.#parent.#all();
    // What the parent learns later counts as well, so that only its own list may be kept.
    if (this.#parent !== undefined) return longestFirst([...this.#secrets, ...this.#parent.#all()]);
    return (this.#longestFirst ??= longestFirst([...this.#secrets]));
  }
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function longestFirst(secrets: readonly string[]): readonly string[] {
  return secrets.toSorted((a, b) => b.length - a.length);
}
