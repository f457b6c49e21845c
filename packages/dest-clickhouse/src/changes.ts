/** Tells those who wait for it that something has changed. */
export class Changes {
  readonly #waiting: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  happened(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
