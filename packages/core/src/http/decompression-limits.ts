import { EtlError } from '../etl-error.ts';

export interface DecompressionLimits {
  /** The most bytes that may come out. @default 4294967296 */
  readonly maxBytes?: number | undefined;
  /** The most bytes that may come out per byte that went in, once 16 MiB came out. @default 500 */
  readonly maxRatio?: number | undefined;
}

const FREE_BYTES = 16 * 2 ** 20;

/** Counts what goes in and comes out, so that a small file cannot fill the memory or the disk. */
export class DecompressionMeter {
  readonly #maxBytes: number;
  readonly #maxRatio: number;
  bytesIn = 0;
  bytesOut = 0;

  constructor({ maxBytes = 2 ** 32, maxRatio = 500 }: DecompressionLimits) {
    this.#maxBytes = maxBytes;
    this.#maxRatio = maxRatio;
  }

  addOut(bytes: number): void {
    this.bytesOut += bytes;
    const isTooMuch = this.bytesOut > this.#maxBytes;
    if (!isTooMuch && (this.bytesOut <= FREE_BYTES || this.bytesOut / this.bytesIn <= this.#maxRatio)) return;
    throw new EtlError({
      code: 'DECOMPRESSION_LIMIT_REACHED',
      kind: 'data',
      message: `A compressed file was given up after ${this.bytesOut} bytes came out of ${this.bytesIn}.`,
      hint: 'Raise the limit if the file is really that large.',
      context: { bytesIn: this.bytesIn, bytesOut: this.bytesOut },
    });
  }
}
