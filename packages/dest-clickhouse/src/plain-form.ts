/** How the rows of an insert are written that goes to the engine as it is. */
export interface PlainForm {
  /** ClickHouse's name of the format. */
  readonly format: 'TabSeparated' | 'RowBinary';
  /** Columns of a row, quoted, in its order. */
  readonly columns: readonly string[];
}
