/**
 * What happens on the way to a platform. `@etl/core/http` tells it to `OperationOptions.onCall`; a
 * source that asks by other means, an SDK or a poll of its own, tells the same.
 */
export type ApiCallEvent =
  /** One attempt is over: it was answered, or failed without an answer. */
  | {
      readonly type: 'call-ended';
      /** Of the answer; absent when there was none. */
      readonly status?: number | undefined;
      /** Until the headers of the answer. */
      readonly durationMs: number;
      /** Counted from 1; from 2 on it is a retry. */
      readonly attempt: number;
      /** Share of the quota that is used, as the platform says it: 0 is nothing, 1 everything. */
      readonly quotaUsed?: number | undefined;
      /** When the quota is free again, as the platform says it. */
      readonly quotaRegainMs?: number | undefined;
    }
  /** A wait begins. */
  | {
      readonly type: 'call-waiting';
      /**
       * `quota`: the quota of the platform, or the limits that were set for it; `retry`: an attempt
       * failed; `report`: the platform is still making what was asked for; `delay`: a pause between
       * accounts that somebody asked for.
       */
      readonly reason: 'quota' | 'retry' | 'report' | 'delay';
      readonly waitMs: number;
      /** Code of the failure, or whose quota it is; absent when nobody knows. Never a secret. */
      readonly about?: string | undefined;
    };

/** The calls of one run for one stream and account. Durations in milliseconds. */
export interface ApiCallTotals {
  /** Empty for calls that serve no single stream: plans, checks. */
  readonly stream: string;
  /** The lane of the slices, usually the account; empty where there is none. */
  readonly account: string;
  readonly calls: number;
  /** Of the calls, those that came after a failed one of the same request. */
  readonly retries: number;
  /** Of the calls, those that were not answered, or with an error. */
  readonly failed: number;
  readonly callMs: number;
  readonly waits: number;
  readonly waitMs: number;
  /** The fullest that the quota was seen, from 0 to 1; absent where the platform says nothing of it. */
  readonly quotaUsed?: number;
  /** The same as of the last call. */
  readonly lastQuotaUsed?: number;
  /** Until when the quota is used up, ISO instant, as of the last call that said so. */
  readonly quotaFreeAt?: string;
}
