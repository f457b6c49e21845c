import { EtlError, type ErrorKind } from '@etl/core';

/** An error that concerns one dataset. */
export function datasetError(code: string, kind: ErrorKind, dataset: string, what: string, hint: string): EtlError {
  return new EtlError({ code, kind, message: `Dataset ${dataset} ${what}.`, hint, context: { dataset } });
}
