/** How the source's side of a pipeline stands, see `Source.health`. */
export interface SourceHealth {
  /** The worst of the warnings; `ok` without any. */
  readonly status: 'ok' | 'warning' | 'critical';
  /** A few words for people, such as `lag 1.2 MB, 3 % of its limit`. */
  readonly summary: string;
  /** The numbers behind it by name, with their units in the names; `null` when the source does not say. */
  readonly figures: Readonly<Record<string, number | string | boolean | null>>;
  /** What will go wrong if nobody acts, worst first. */
  readonly warnings: readonly SourceWarning[];
}

export interface SourceWarning {
  /** Stable, such as `PG_SLOT_LAG`. */
  readonly code: string;
  /** `critical`: something is lost soon, or is lost already. */
  readonly severity: 'warning' | 'critical';
  readonly message: string;
  readonly hint: string;
}
