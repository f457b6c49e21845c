/** What a budget is called, and what it holds within its window. */
export interface BudgetLimits {
  readonly callsPerWindow: number;
  readonly windowMs: number;
  /** How long callers are refused once it is used up. */
  readonly blockMs: number;
}

export interface BudgetCost {
  readonly calls: number;
  /** Of the processor and of the clock, in the unit of a call. */
  readonly cpu: number;
  readonly time: number;
}

export interface BudgetState {
  /** Percent, whole; above 100 when a call went over the limit. */
  readonly callCount: number;
  readonly totalCpuTime: number;
  readonly totalTime: number;
  readonly isBlocked: boolean;
  /** Until calls are answered again; 0 if they are. */
  readonly regainMs: number;
}

// What a call may cost on average before it is the processor that limits, not the count.
const CPU_PER_CALL = 4;

/**
 * A budget that refills evenly over its window. Calls that come while it is used up are refused and cost
 * nothing.
 */
export class Budget {
  readonly #limits: BudgetLimits;
  #used: BudgetCost = { calls: 0, cpu: 0, time: 0 };
  #updatedAt = 0;
  #blockedUntil = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  spend(cost: BudgetCost, now: number): void {
    this.#refill(now);
    this.#used = {
      calls: this.#used.calls + cost.calls,
      cpu: this.#used.cpu + cost.cpu,
      time: this.#used.time + cost.time,
    };
    const { callCount, totalCpuTime, totalTime } = this.state(now);
    if (Math.max(callCount, totalCpuTime, totalTime) >= 100 && this.#blockedUntil <= now) {
      this.#blockedUntil = now + this.#limits.blockMs;
    }
  }

  block(now: number, milliseconds: number): void {
    this.#blockedUntil = Math.max(this.#blockedUntil, now + milliseconds);
  }

  state(now: number): BudgetState {
    this.#refill(now);
    const { callsPerWindow } = this.#limits;
    const percent = (used: number, limit: number) => Math.floor((used / limit) * 100);
    const regainMs = Math.max(0, this.#blockedUntil - now);
    return {
      callCount: percent(this.#used.calls, callsPerWindow),
      totalCpuTime: percent(this.#used.cpu, callsPerWindow * CPU_PER_CALL),
      totalTime: percent(this.#used.time, callsPerWindow * CPU_PER_CALL),
      isBlocked: regainMs > 0,
      regainMs,
    };
  }

  #refill(now: number): void {
    const { callsPerWindow, windowMs } = this.#limits;
    const back = (Math.max(0, now - this.#updatedAt) / windowMs) * callsPerWindow;
    this.#used = {
      calls: Math.max(0, this.#used.calls - back),
      cpu: Math.max(0, this.#used.cpu - back * CPU_PER_CALL),
      time: Math.max(0, this.#used.time - back * CPU_PER_CALL),
    };
    this.#updatedAt = now;
  }
}
