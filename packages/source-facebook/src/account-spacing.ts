import { silentLogger, type OperationOptions } from '@etl/core';
import type { Clock } from '@etl/core/http';
import { pause } from './pause.ts';

/** Keeps the first requests of two accounts apart, for those who want it in spite of the quotas being followed. */
export class AccountSpacing {
  readonly #delayMs: number;
  readonly #clock: Clock;
  readonly #seen = new Set<string>();
  #nextAt = 0;

  constructor(delaySeconds: number, clock: Clock) {
    this.#delayMs = delaySeconds * 1000;
    this.#clock = clock;
  }

  /** Resolves when it is the account's turn; at once when it had its first request before. */
  async turn(accountId: string, { signal, logger = silentLogger }: OperationOptions): Promise<void> {
    if (this.#delayMs === 0 || this.#seen.has(accountId)) return;
    this.#seen.add(accountId);
    const waitMs = Math.max(0, this.#nextAt - this.#clock.now());
    this.#nextAt = Math.max(this.#nextAt, this.#clock.now()) + this.#delayMs;
    if (waitMs === 0) return;
    logger.info({ account: accountId, wait_ms: waitMs }, 'waiting for the configured delay between accounts');
    await pause(this.#clock, waitMs, signal);
  }
}
