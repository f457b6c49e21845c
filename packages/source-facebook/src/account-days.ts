import { EtlError, type DayRange, type ReadRequest } from '@etl/core';
import type { Clock } from '@etl/core/http';
import { z } from 'zod';
import type { AdAccounts } from './ad-accounts.ts';

/** Where days begin last: what has begun there has begun for every account. */
const LAST_ZONE = 'Etc/GMT+12';

/** Of what the days of an account are made. */
export interface PlannedDays {
  readonly timeZone: string;
  readonly now: Date;
  readonly days: DayRange | undefined;
}

interface Planned {
  readonly timeZone: string;
  /** Why the account could not be asked. */
  readonly problem?: EtlError;
}

/**
 * In which time zone the days of each account are planned: its own, or the one it had when it was asked last. An
 * account of which nobody knows fails by its name when it is read; days of another zone are never read for its own.
 */
export class AccountDays {
  readonly #accounts: AdAccounts;
  readonly #clock: Clock;
  readonly #planned = new Map<string, Planned>();

  constructor(accounts: AdAccounts, clock: Clock) {
    this.#accounts = accounts;
    this.#clock = clock;
  }

  /** Fails for no account: one that cannot be asked now must not keep the others from being planned. */
  async plannedIn(id: string, request: ReadRequest): Promise<PlannedDays> {
    const planned = await this.#ask(id, request);
    request.signal?.throwIfAborted();
    this.#planned.set(id, planned);
    return { timeZone: planned.timeZone, now: request.now ?? new Date(this.#clock.now()), days: request.days };
  }

  /** @throws why the account could not be asked, now or, when its days are others than were planned, then */
  async requirePlanned(id: string, request: ReadRequest): Promise<void> {
    const { timeZone } = await this.#accounts.get(id, request);
    const { timeZone: planned = timeZone, problem } = this.#planned.get(id) ?? {};
    if (planned === timeZone) return;
    // For the next run, in case that the account cannot be asked then either.
    await request.memory?.set(keyOf(id), timeZone);
    if (problem !== undefined) throw problem;
  }

  async #ask(id: string, request: ReadRequest): Promise<Planned> {
    const remembered = z.string().safeParse(await request.memory?.get(keyOf(id))).data;
    try {
      const { timeZone } = await this.#accounts.get(id, request);
      if (timeZone !== remembered) await request.memory?.set(keyOf(id), timeZone);
      return { timeZone };
    } catch (error) {
      // It is said by the one who reads the account, in its lane.
      if (EtlError.isInstance(error)) return { timeZone: remembered ?? LAST_ZONE, problem: error };
      throw error;
    }
  }
}

function keyOf(id: string): string {
  return `time-zone/${id}`;
}
