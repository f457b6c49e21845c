/** Rows of one insert that go to the engine as they are, from the first of them until the insert is made. */
export interface PlainBody {
  /** How many bytes are written. */
  readonly length: number;
  /** Copies the bytes. */
  write(bytes: Uint8Array): void;
  /** Nothing is written any more. */
  close(): void;
  /** Nobody wants the rows any more. */
  remove(): void;
}
