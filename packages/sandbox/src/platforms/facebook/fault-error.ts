import type { FacebookFault } from './facebook-fault.ts';
import { GraphError, rateLimited, tooMuchData, transientError } from './graph-error.ts';

/** The error that a fault is; `undefined` for one that is none. */
export function errorOf(fault: FacebookFault): GraphError | undefined {
  switch (fault.kind) {
    case 'graph-error': {
      const { code, subcode, status, isTransient } = fault;
      if (code === 2 && fault.message === undefined) return transientError();
      return new GraphError({
        code,
        message: fault.message ?? `(#${code}) An error of the sandbox's own making.`,
        ...(subcode === undefined ? {} : { subcode }),
        ...(status === undefined ? {} : { status }),
        ...(isTransient === undefined ? {} : { isTransient }),
      });
    }
    case 'rate-limit':
      return rateLimited(fault.code ?? 80_004);
    case 'too-much-data':
      return tooMuchData(fault.form ?? 'reduce');
    default:
      return undefined;
  }
}
