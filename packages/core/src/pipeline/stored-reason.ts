import { EtlError } from '../etl-error.ts';

/**
 * What tables keep of an error. The text of a foreign error may quote what it stumbled over, a reply
 * with a token in it: of those only the name is kept.
 */
export function storedReason(error: EtlError): { readonly code: string; readonly message: string } {
  const { cause } = error;
  const isForeign = error.code === 'INTERNAL_UNEXPECTED';
  if (!isForeign) return { code: error.code, message: error.message };
  const name = cause instanceof Error && !EtlError.isInstance(cause) ? cause.name : 'error';
  return { code: error.code, message: `An unexpected ${name}; the log of the run has its text.` };
}
