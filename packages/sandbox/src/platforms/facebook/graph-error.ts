import { hashDigits } from '../../random.ts';

export interface GraphErrorDetails {
  readonly code: number;
  readonly subcode?: number;
  readonly message: string;
  /** @default 400 */
  readonly status?: number;
  /** @default 'OAuthException' */
  readonly type?: string;
  readonly isTransient?: boolean;
  readonly userTitle?: string;
  readonly userMessage?: string;
}

/** An answer of the Graph API that says no. */
export class GraphError extends Error {
  readonly details: GraphErrorDetails;

  constructor(details: GraphErrorDetails) {
    super(details.message);
    this.name = 'GraphError';
    this.details = details;
  }

  get status(): number {
    return this.details.status ?? 400;
  }

  /** The body, with a trace id that depends on the number of the request. */
  body(sequence: number): { error: Record<string, unknown> } {
    const { message, type, code, subcode, isTransient, userTitle, userMessage } = this.details;
    return {
      error: {
        message,
        type: type ?? 'OAuthException',
        ...(isTransient === undefined ? {} : { is_transient: isTransient }),
        code,
        ...(subcode === undefined ? {} : { error_subcode: subcode }),
        ...(userTitle === undefined ? {} : { error_user_title: userTitle }),
        ...(userMessage === undefined ? {} : { error_user_msg: userMessage }),
        fbtrace_id: traceId(sequence),
      },
    };
  }
}

export function traceId(sequence: number): string {
  return `A${hashDigits(`trace|${sequence}`, 22)}`;
}

export function invalidParameter(message: string): GraphError {
  return new GraphError({ code: 100, message: `(#100) ${message}` });
}

export function unknownObject(id: string, method: string): GraphError {
  const verb = method.toLowerCase();
  return new GraphError({
    code: 100,
    subcode: 33,
    type: 'GraphMethodException',
    message:
      `Unsupported ${verb} request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, ` +
      'or does not support this operation.',
  });
}

export function transientError(): GraphError {
  return new GraphError({
    code: 2,
    status: 500,
    isTransient: true,
    message: 'An unexpected error has occurred. Please retry your request later.',
  });
}

const RATE_LIMITS: Readonly<Record<number, Omit<GraphErrorDetails, 'code'>>> = {
  4: { subcode: 1504022, status: 403, isTransient: true, message: '(#4) Application request limit reached' },
  17: { subcode: 2446079, isTransient: true, message: '(#17) User request limit reached' },
  613: { subcode: 1487742, message: '(#613) Calls to this api have exceeded the rate limit.' },
  80000: { subcode: 2446079, message: '(#80000) There have been too many calls from this ad-account.' },
  80003: { subcode: 2446079, message: '(#80003) There have been too many calls to this ad-account.' },
  80004: { subcode: 2446079, message: '(#80004) There have been too many calls to this ad-account.' },
};

/** One of the errors that say a budget is used up. */
export function rateLimited(code: number): GraphError {
  const details = RATE_LIMITS[code] ?? { message: `(#${code}) There have been too many calls.` };
  const more = code >= 80_000 ? ' Wait a bit and try again.' : '';
  return new GraphError({ ...details, code, message: details.message + more });
}

export type TooMuchDataForm = 'reduce' | 'timeout' | 'data-points';

/** One of the errors that say a request asks for more than can be answered. */
export function tooMuchData(form: TooMuchDataForm): GraphError {
  switch (form) {
    case 'reduce':
      return new GraphError({
        code: 1,
        status: 500,
        message: "Please reduce the amount of data you're asking for, then retry your request",
      });
    case 'timeout':
      return new GraphError({
        code: 100,
        subcode: 1504018,
        isTransient: false,
        message: 'Invalid parameter',
        userTitle: 'Request Timed Out',
        userMessage: 'Your request timed out. Try a smaller date range, fetch less data, or use async jobs.',
      });
    case 'data-points':
      return new GraphError({
        code: 100,
        subcode: 1487534,
        isTransient: false,
        message: 'Invalid parameter',
        userTitle: 'Too Much Data',
        userMessage: 'The query asks for more data than can be returned: use a shorter time range or fewer fields.',
      });
    default:
      throw new RangeError(`There is no form ${String(form)} of too much data.`);
  }
}
