import { EtlError } from '../etl-error.ts';
import type { JsonValue } from '../json.ts';
import { systemClock, wait, type Clock } from './clock.ts';
import { Semaphore } from './semaphore.ts';
import { TokenBucket, type TokenBucketOptions } from './token-bucket.ts';

/** How much of a quota is used, as a platform says it in its headers. */
export interface Usage {
  /** 0 is nothing, 1 everything. Of several quotas, the fullest. */
  readonly usedRatio: number;
  /** Milliseconds until the quota is free again, when the platform says. */
  readonly regainMs?: number | undefined;
}

export interface PacerOptions {
  /** What it paces, for errors: an account or an app. Never a token. */
  readonly name: string;
  /** All of them limit; a platform may have one per second and one per hour. Default: none. */
  readonly buckets?: readonly TokenBucketOptions[] | undefined;
  /** Requests under way at a time. Default: no limit. */
  readonly concurrency?: number | undefined;
  /** From this used ratio on, requests are spaced out. @default 0.9 */
  readonly slowDownAt?: number | undefined;
  /** The space between requests when the quota is all but used. @default 30000 */
  readonly longestSpacingMs?: number | undefined;
  /** Whoever would have to wait longer is refused. @default 60000 */
  readonly longestWaitMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface AcquireOptions {
  /** @default 1 */
  readonly cost?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A wait that would go beyond it is refused at once. */
  readonly deadline?: Date | undefined;
  /** Told how long it will wait, each time that it begins to. */
  readonly onWait?: ((waitMs: number) => void) | undefined;
}

/** No platform's quota takes longer to regain; a state that says so is damaged. */
const LONGEST_PARK_MS = 24 * 3_600_000;

/**
 * Paces all requests that share one quota: bounded concurrency, token buckets, and what the
 * platform says of its quota. In order of arrival.
 */
export class Pacer {
  readonly name: string;
  readonly #options: PacerOptions;
  readonly #clock: Clock;
  readonly #buckets: readonly TokenBucket[];
  readonly #places: Semaphore | undefined;
  readonly #turnstile = new Semaphore(1);
  #nextAt = 0;
  #parkedUntil = 0;

  constructor(options: PacerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#buckets = (options.buckets ?? []).map((bucket) => new TokenBucket(bucket, this.#clock.now()));
    this.#places = options.concurrency === undefined ? undefined : new Semaphore(options.concurrency);
  }

  /** Milliseconds since the epoch up to which the quota is used up; 0 when it is not. */
  get parkedUntil(): number {
    return this.#parkedUntil > this.#clock.now() ? this.#parkedUntil : 0;
  }

  /**
   * Waits for its turn and gives back the function that ends it.
   *
   * @throws HTTP_QUOTA_USED with `retryAfterMs` when the turn would come after `deadline` or after
   *   `longestWaitMs`; nothing is waited for then.
   */
  async acquire(options: AcquireOptions = {}): Promise<() => void> {
    const { signal, deadline } = options;
    signal?.throwIfAborted();
    this.#refuseLongWait(this.#parkedUntil - this.#clock.now(), deadline);
    const leave = await this.#places?.acquire(signal);
    try {
      await this.#takeTurn(options);
    } catch (error) {
      leave?.();
      throw error;
    }
    return leave ?? (() => undefined);
  }

  /** Takes note of what the platform says of its quota. */
  observe(usage: Usage): void {
    const { usedRatio, regainMs } = usage;
    const now = this.#clock.now();
    const slowDownAt = this.#options.slowDownAt ?? 0.9;
    if (!(usedRatio >= slowDownAt)) return;
    if (usedRatio >= 1 && regainMs !== undefined && regainMs > 0) {
      this.parkUntil(now + regainMs);
      return;
    }
    const fullness = Math.min(1, (usedRatio - slowDownAt) / Math.max(1 - slowDownAt, Number.EPSILON));
    const spacing = Math.min(fullness * (this.#options.longestSpacingMs ?? 30_000), regainMs ?? Infinity);
    this.#nextAt = Math.max(this.#nextAt, now + spacing);
  }

  /** Lets nobody in before this point: milliseconds since the epoch. An earlier one changes nothing. */
  parkUntil(at: number): void {
    this.#parkedUntil = Math.max(this.#parkedUntil, Math.min(at, this.#clock.now() + LONGEST_PARK_MS));
  }

  /** What the next run should know, to be stored with `memory.set`. Holds no secret. */
  state(): JsonValue {
    const now = this.#clock.now();
    return {
      formatVersion: 1,
      parkedUntil: this.parkedUntil,
      nextAt: this.#nextAt > now ? this.#nextAt : 0,
      buckets: this.#buckets.map((bucket) => bucket.state(now)),
    };
  }

  /** Takes up what `memory.get` gave. What it cannot read costs calls, never rows, and is left out. */
  restore(state: JsonValue | undefined): void {
    const { formatVersion, parkedUntil, nextAt, buckets } = Object(state) as Record<string, unknown>;
    if (formatVersion !== 1) return;
    const now = this.#clock.now();
    if (typeof parkedUntil === 'number') this.parkUntil(parkedUntil);
    const latest = now + (this.#options.longestSpacingMs ?? 30_000);
    if (typeof nextAt === 'number') this.#nextAt = Math.max(this.#nextAt, Math.min(nextAt, latest));
    // Buckets that were configured otherwise are others.
    if (!Array.isArray(buckets) || buckets.length !== this.#buckets.length) return;
    for (const [index, bucket] of this.#buckets.entries()) {
      const { level, at } = Object(buckets[index]) as { level?: unknown; at?: unknown };
      if (Number.isFinite(level) && Number.isFinite(at)) bucket.restore({ level: Number(level), at: Number(at) }, now);
    }
  }

  async #takeTurn({ cost = 1, signal, deadline, onWait }: AcquireOptions): Promise<void> {
    const leave = await this.#turnstile.acquire(signal);
    try {
      for (;;) {
        const waitMs = this.#waitMs(cost);
        if (waitMs <= 0) break;
        this.#refuseLongWait(waitMs, deadline);
        onWait?.(waitMs);
        await wait(this.#clock, waitMs, signal);
      }
      const now = this.#clock.now();
      for (const bucket of this.#buckets) bucket.take(cost, now);
    } finally {
      leave();
    }
  }

  #waitMs(cost: number): number {
    const now = this.#clock.now();
    const waits = this.#buckets.map((bucket) => bucket.waitMs(cost, now));
    return Math.max(this.#parkedUntil - now, this.#nextAt - now, ...waits);
  }

  #refuseLongWait(waitMs: number, deadline: Date | undefined): void {
    const now = this.#clock.now();
    const isTooLong = waitMs > (this.#options.longestWaitMs ?? 60_000);
    if (waitMs <= 0 || (!isTooLong && (deadline === undefined || now + waitMs < deadline.getTime()))) return;
    throw new EtlError({
      code: 'HTTP_QUOTA_USED',
      kind: 'rate-limit',
      message: `The quota of ${this.name} is used up until ${new Date(now + waitMs).toISOString()}.`,
      hint: 'Run again then; what was read before is kept.',
      retryAfterMs: waitMs,
      context: { pacer: this.name, regainsAt: new Date(now + waitMs).toISOString() },
    });
  }
}
