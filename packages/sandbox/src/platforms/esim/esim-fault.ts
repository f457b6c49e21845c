/** What only the export API does to its callers; `repeated-cursor` is shared with others. */
export type EsimFault =
  /** `has_more` without a cursor. */
  | { readonly kind: 'missing-cursor' }
  /** No items, although more follows. */
  | { readonly kind: 'empty-page' };

export function isEsimFault(fault: { readonly kind: string }): fault is EsimFault {
  return fault.kind === 'missing-cursor' || fault.kind === 'empty-page';
}
