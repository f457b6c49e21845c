import { EtlError } from '../etl-error.ts';
import type { OperationOptions } from '../operation-options.ts';
import type { TokenProvider } from './authorization.ts';
import { systemClock, type Clock } from './clock.ts';
import { SingleFlight } from './single-flight.ts';

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface CachedTokenOptions {
  /** Gets a new token. Called once at a time, however many wait for it. */
  readonly issue: (options: OperationOptions) => Promise<IssuedToken>;
  /** How long before its end a token is renewed. @default 120000 */
  readonly skewMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** Keeps a token until shortly before it expires. */
export class CachedToken implements TokenProvider {
  readonly #skewMs: number;
  readonly #clock: Clock;
  readonly #refresh: SingleFlight<IssuedToken>;
  #current: IssuedToken | undefined;

  constructor({ issue, skewMs = 120_000, clock = systemClock }: CachedTokenOptions) {
    this.#skewMs = skewMs;
    this.#clock = clock;
    this.#refresh = new SingleFlight(async (signal) => (this.#current = await issue({ signal })));
  }

  async token({ signal }: OperationOptions = {}): Promise<string> {
    const current = this.#current;
    const leftMs = current === undefined ? 0 : current.expiresAt - this.#clock.now();
    if (current !== undefined && leftMs > this.#skewMs) return current.token;
    try {
      return (await this.#refresh.run(signal)).token;
    } catch (error) {
      // Renewing early must not fail a run for a token that still works.
      const isStillGood = current !== undefined && current === this.#current && current.expiresAt > this.#clock.now();
      if (isStillGood && EtlError.isInstance(error) && error.isRetryable) return current.token;
      throw error;
    }
  }

  invalidate(token: string): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  /** A token in a log would be a leak. */
  toJSON(): string {
    return '[token]';
  }
}
