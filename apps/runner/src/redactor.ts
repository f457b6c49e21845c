const MASK = '***';
// Shorter values would blank out ordinary words; the patterns below still catch them in their usual places.
const SHORTEST_SECRET = 4;

const SECRET_NAMES = 'password|passwd|pwd|secret|token|access_token|refresh_token|api_?key';
const SECRET_KEY = new RegExp(`^(?:${SECRET_NAMES}|private_key|connection_string)$`, 'i');

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // scheme://user:password@host, also with an @ inside the password
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/]*@/gi, `$1:${MASK}@`],
  [new RegExp(`\\b(${SECRET_NAMES})(["']?\\s*[=:]\\s*)(["'])(?:(?!\\3)[^\\\\]|\\\\.)*\\3`, 'gi'), `$1$2$3${MASK}$3`],
  [new RegExp(`\\b(${SECRET_NAMES})(["']?\\s*=\\s*)[^\\s&,;)}\\]"']+`, 'gi'), `$1$2${MASK}`],
  [/\b(bearer|basic)\s+[a-z0-9+/._~=-]{8,}/gi, `$1 ${MASK}`],
];

/** Takes secrets out of everything that is printed: the values in use, and whatever looks like one. */
export class Redactor {
  readonly #secrets = new Set<string>();
  readonly #onSecret: (form: string) => void;

  /** `onSecret` is told every form of every secret, once. */
  constructor(onSecret: (form: string) => void = () => undefined) {
    this.#onSecret = onSecret;
  }

  /** Registers a value together with the forms in which it may show up. */
  add(secret: string | undefined): void {
    if (secret === undefined || secret.length < SHORTEST_SECRET) return;
    const forms = [
      secret,
      encodeURIComponent(secret),
      encodeURI(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64'),
    ];
    for (const form of forms) {
      if (this.#secrets.has(form)) continue;
      this.#secrets.add(form);
      this.#onSecret(form);
    }
  }

  redact(text: string): string {
    let redacted = text;
    // Longest first: a password may be a part of the connection string that holds it.
    for (const secret of [...this.#secrets].sort((a, b) => b.length - a.length)) {
      redacted = redacted.replaceAll(secret, MASK);
    }
    for (const [pattern, replacement] of PATTERNS) redacted = redacted.replace(pattern, replacement);
    return redacted;
  }

  /** The same for a value that becomes JSON; keys stay as they are. */
  redactJson(value: unknown): unknown {
    if (typeof value === 'string') return this.redact(value);
    if (Array.isArray(value)) return value.map((item) => this.redactJson(item));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          typeof item === 'string' && SECRET_KEY.test(key) ? MASK : this.redactJson(item),
        ]),
      );
    }
    return value;
  }
}
