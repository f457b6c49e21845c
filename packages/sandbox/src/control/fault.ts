import type { EsimFault } from '../platforms/esim/esim-fault.ts';
import type { FacebookFault } from '../platforms/facebook/facebook-fault.ts';

/** What can happen to any request on its way. */
export type TransportFault =
  /** Answers this, without doing what was asked. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A page of a proxy instead of an answer. @default status 502 */
  | { readonly kind: 'html'; readonly status?: number }
  /** No body. @default status 503 */
  | { readonly kind: 'empty'; readonly status?: number }
  /** The right answer, late, in real time. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The right answer announced in full, of which `bytes` (by default half) arrive before the connection breaks. */
  | { readonly kind: 'truncated'; readonly bytes?: number }
  /** The right answer cut in half, and sent as if it were whole. */
  | { readonly kind: 'cut-json' }
  /** The connection breaks, before or, `isCarriedOut`, after what was asked was done. */
  | { readonly kind: 'reset'; readonly isCarriedOut?: boolean };

export type Fault = TransportFault | FacebookFault | EsimFault;
export type FaultKind = Fault['kind'];

/** Which requests meet a fault; every condition must hold. `*` stands for anything. */
export interface FaultMatch {
  readonly platform?: string;
  readonly method?: string;
  /** Without the platform's prefix, as in `/v24.0/act_123/insights`. */
  readonly path?: string;
  /** Of the query or the body, as in `{ fields: '*actions*' }`. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export type FaultRule = Fault & {
  readonly match?: FaultMatch;
  /** How many requests meet it. @default 1, or without end if there is a probability */
  readonly times?: number;
  /** Of meeting it, per request; drawn from the seed. @default 1 */
  readonly probability?: number;
  /** How many matching requests pass before the first meets it. @default 0 */
  readonly after?: number;
};

export const TRANSPORT_FAULTS: ReadonlySet<string> = new Set<TransportFault['kind']>([
  'status',
  'html',
  'empty',
  'slow',
  'truncated',
  'cut-json',
  'reset',
]);

export function isTransportFault(fault: Fault): fault is TransportFault {
  return TRANSPORT_FAULTS.has(fault.kind);
}
