import type { Destination, Row } from '@etl/core';

/** A destination under test. */
export interface DestinationFixture extends AsyncDisposable {
  readonly destination: Destination;
  /** A new destination on the same storage, as after a restart. The old one is disposed first. */
  restart(): Promise<Destination>;
  /**
   * What a reader sees of the stream's table: plain rows, system columns left out; empty when there is
   * no table. With every digit: long integers and decimals as text, where the reader's format would
   * make doubles of them. Also called while a load is under way.
   */
  readRows(stream: string): Promise<readonly Row[]>;
}
