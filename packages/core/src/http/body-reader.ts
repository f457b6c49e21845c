import type { Exchange } from './exchange.ts';
import type { RequestLabel } from './http-failure.ts';

/** A 2xx response whose body is still to be read. */
export interface Received {
  readonly response: Response;
  readonly exchange: Exchange;
  readonly label: RequestLabel;
  /** Throws what the platform means by a body. */
  readonly classify: (text: string, json: unknown) => void;
}

/** Reads a body in one of the ways a client offers. */
export interface BodyReader<TBody> {
  /** The exchange goes on after `read`; the body then ends it. */
  readonly isStreamed: boolean;
  /** Headers that ask for what it can read. */
  readonly accept: Readonly<Record<string, string>>;
  read(received: Received): Promise<TBody>;
}
