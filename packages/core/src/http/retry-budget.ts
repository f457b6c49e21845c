/**
 * How many retries all requests of a client may make together. When everything fails, retries stop
 * adding to the load: each takes one from the budget, each success gives a part of one back.
 */
export class RetryBudget {
  readonly #capacity: number;
  readonly #regainPerSuccess: number;
  #left: number;

  constructor(capacity = 30, regainPerSuccess = 0.2) {
    this.#capacity = capacity;
    this.#regainPerSuccess = regainPerSuccess;
    this.#left = capacity;
  }

  get left(): number {
    return Math.floor(this.#left);
  }

  /** Whether one more retry is allowed; takes it from the budget. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  recordSuccess(): void {
    this.#left = Math.min(this.#capacity, this.#left + this.#regainPerSuccess);
  }
}
