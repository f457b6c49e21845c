import { redactParameters } from './redact.ts';
import { matchesGlob } from './glob.ts';

/** One request that reached the sandbox. Secrets are taken out. */
export interface LoggedRequest {
  readonly sequence: number;
  /** Time of the sandbox, ISO 8601. */
  readonly at: string;
  readonly platform: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Absent if there was no answer. */
  readonly status?: number;
  /** Kind of the fault it met. */
  readonly fault?: string;
  /** Name of the credentials it came with. */
  readonly caller?: string;
  /** Whether it was part of another request. */
  readonly isBatched: boolean;
}

export interface RequestFilter {
  readonly platform?: string;
  readonly method?: string;
  /** With `*` for anything. */
  readonly path?: string;
}

const KEPT_REQUESTS = 20_000;

export class RequestLog {
  #entries: LoggedRequest[] = [];
  #sequence = 0;

  /** Number for the next request. */
  next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  add(entry: LoggedRequest): void {
    this.#entries.push({ ...entry, parameters: redactParameters(entry.parameters) });
    if (this.#entries.length > KEPT_REQUESTS) this.#entries = this.#entries.slice(KEPT_REQUESTS / 2);
  }

  list({ platform, method, path }: RequestFilter = {}): LoggedRequest[] {
    return this.#entries
      .filter(
        (entry) =>
          (platform === undefined || entry.platform === platform) &&
          (method === undefined || entry.method === method) &&
          (path === undefined || matchesGlob(entry.path, path)),
      )
      .sort((a, b) => a.sequence - b.sequence);
  }

  clear(): void {
    this.#entries = [];
  }
}
