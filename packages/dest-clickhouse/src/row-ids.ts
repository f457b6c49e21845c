import { rowVersion } from './load-id.ts';

const LOW_DIGITS = 15;
const LOW_LIMIT = 10 ** LOW_DIGITS;

/** The decimal text of versions, of which a load has one per row: big integers are slow to print. */
export class RowIds {
  readonly #number: bigint;
  readonly #high: string;
  readonly #low: number;
  #last = 0n;
  #lastText = '0';

  constructor(number: bigint) {
    this.#number = number;
    const first = rowVersion(number, 0);
    this.#high = first.slice(0, -LOW_DIGITS);
    this.#low = Number(first.slice(-LOW_DIGITS));
  }

  /** See `rowVersion`. */
  version(ordinal: number): string {
    const low = this.#low + ordinal;
    if (low >= LOW_LIMIT || this.#high === '') return rowVersion(this.#number, ordinal);
    return this.#high + String(low).padStart(LOW_DIGITS, '0');
  }

  /** The text of a version that was given. The rows of a snapshot share one. */
  text(version: bigint): string {
    if (version !== this.#last) {
      this.#last = version;
      this.#lastText = String(version);
    }
    return this.#lastText;
  }
}
