import type { OperationOptions } from '../operation-options.ts';

/** What makes a request come from somebody. */
export interface Authorization {
  /** The headers to send now; may fetch a token first. Their values are taken for secrets. */
  headers(options: OperationOptions): Promise<Readonly<Record<string, string>>>;
  /** The platform refused these headers with 401. Resolves to whether new ones are worth a try. */
  refused?(headers: Readonly<Record<string, string>>): boolean;
}

/** Gives tokens, and renews them before they expire. */
export interface TokenProvider {
  token(options?: OperationOptions): Promise<string>;
  /** Forgets the token, so that the next call gets a new one; a no-op if it is not the present one. */
  invalidate(token: string): void;
}

/** `Authorization: Bearer …`, with a token that never changes or one from a provider. */
export function bearer(token: string | TokenProvider): Authorization {
  if (typeof token === 'string') return fixedHeaders({ authorization: `Bearer ${token}` });
  return {
    headers: async (options) => ({ authorization: `Bearer ${await token.token(options)}` }),
    refused(headers) {
      const [, refused] = /^Bearer (.*)$/.exec(headers['authorization'] ?? '') ?? [];
      if (refused === undefined) return false;
      token.invalidate(refused);
      return true;
    },
  };
}

/** The same headers with every request, such as an API key. */
export function fixedHeaders(headers: Readonly<Record<string, string>>): Authorization {
  return { headers: () => Promise.resolve(headers) };
}
