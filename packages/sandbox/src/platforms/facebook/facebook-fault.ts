/** What only the Graph API does to its callers. */
export type FacebookFault =
  /** Any error of the Graph API. */
  | {
      readonly kind: 'graph-error';
      readonly code: number;
      readonly subcode?: number;
      readonly message?: string;
      readonly status?: number;
      readonly isTransient?: boolean;
    }
  /** Says that a budget is used up, whatever the budgets say. @default code 80004 for 5 minutes */
  | { readonly kind: 'rate-limit'; readonly code?: 4 | 17 | 613 | 80000 | 80003 | 80004; readonly minutes?: number }
  /**
   * `reduce` is code 1 with status 500, `timeout` 100/1504018, `data-points` 100/1487534.
   * @default 'reduce'
   */
  | { readonly kind: 'too-much-data'; readonly form?: 'reduce' | 'timeout' | 'data-points' }
  /** Of a report being submitted: it ends as failed. */
  | { readonly kind: 'job-failed'; readonly code?: number; readonly subcode?: number }
  | { readonly kind: 'job-skipped' }
  /** It stays where it is for ever. */
  | { readonly kind: 'job-stuck'; readonly percent?: number }
  /** It is completed at 99 % for some polls first. @default 2 */
  | { readonly kind: 'job-99'; readonly polls?: number }
  /** It is completed, but answers 1815107 to the first reads of its rows. @default 2 */
  | { readonly kind: 'job-unreadable'; readonly reads?: number }
  /** `paging.next` of a list leads to the same page again. */
  | { readonly kind: 'repeated-cursor' }
  /** The page holds half of what was asked for, although more follows. */
  | { readonly kind: 'short-page' }
  /** A field is missing in every row of the page. */
  | { readonly kind: 'missing-field'; readonly field: string }
  /** Every row has a field nobody asked for. */
  | { readonly kind: 'unknown-field' }
  /** Of a request within a batch: there is no answer to it, as if the batch had timed out. */
  | { readonly kind: 'batch-timeout' };
