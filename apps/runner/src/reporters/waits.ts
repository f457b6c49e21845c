import type { PipelineEvent } from '@etl/core';
import { duration } from '../quantity.ts';
import { clockTime } from './clock-time.ts';

type CallWaiting = Extract<PipelineEvent, { type: 'call-waiting' }>;

// A shorter wait is over before it is read about.
const SHORTEST_MS = 2000;
/** Waits of one kind come in rows; one line tells of them all. */
const AGAIN_AFTER_MS = 30_000;

/** Tells why a run waits and until when. */
export class Waits {
  readonly #open = new Map<string, { readonly until: number; readonly text: string }>();
  readonly #saidAt = new Map<string, number>();
  readonly #now: () => number;

  /** `now` in milliseconds since the epoch. */
  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  /** Waits that are not over yet. */
  get lines(): readonly string[] {
    return [...this.#open.values()].filter(({ until }) => until > this.#now()).map(({ text }) => text);
  }

  /** Returns what has to be said now where lines stay. */
  apply(event: PipelineEvent): string | undefined {
    if (event.type !== 'call-waiting' || event.waitMs < SHORTEST_MS) return undefined;
    const now = this.#now();
    const text = waitText(event, now);
    const { stream, account, reason } = event;
    const key = JSON.stringify([stream, account, reason]);
    this.#open.set(key, { until: now + event.waitMs, text });
    if (now - (this.#saidAt.get(key) ?? -Infinity) < AGAIN_AFTER_MS) return undefined;
    this.#saidAt.set(key, now);
    return text;
  }
}

/** `insights 9913 waits until 06:12 (4 m 0 s): quota of the ad account 9913`. */
function waitText({ stream, account, reason, waitMs, about }: CallWaiting, now: number): string {
  const what = [stream, account].filter((part) => part !== '').join(' ') || 'the source';
  return `${what} waits until ${clockTime(new Date(now + waitMs), new Date(now))} (${duration(waitMs)}): ${whyText(reason, about)}`;
}

function whyText(reason: CallWaiting['reason'], about: string | undefined): string {
  switch (reason) {
    case 'quota':
      return about === undefined ? 'the quota is nearly used' : `the quota of ${about} is nearly used`;
    case 'retry':
      return about === undefined ? 'tries again then' : `tries again then after ${about}`;
    case 'delay':
      return 'a pause between accounts is asked for';
    case 'report':
      return about === undefined ? 'the platform is making the report' : `the platform is making ${about}`;
  }
}
