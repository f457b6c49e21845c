import { EtlError, type OperationOptions } from '@etl/core';
import { PLAIN_TEXT, type Connection } from './connection.ts';
import { plainProbe } from './plain-probe.ts';
import { unlessAborted } from './unless-aborted.ts';

/**
 * Whether rows are stored as they are: as bytes wherever these can be sent, as plain text where it is stored as exactly
 * what it says. What a tab-separated field means has changed between versions,
 * so a server is asked what it makes of some: once a session, because it may be another one by the next.
 */
export class PlainSupport {
  readonly #connection: Connection;
  #answer: Promise<boolean> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether it is known without asking. */
  get isCertain(): boolean {
    return this.#connection.readsFiles;
  }

  /** What stands where in bytes has never changed. An embedded engine without files takes only statements, and those as strings. */
  get takesBytes(): boolean {
    return this.isCertain || !this.#connection.isEmbedded;
  }

  /** @throws when the server cannot be asked now, or the signal's reason. */
  async takesPlain({ signal, logger }: OperationOptions): Promise<boolean> {
    if (this.isCertain) return true;
    if (!this.takesBytes) return false;
    signal?.throwIfAborted();
    // Others wait for the same answer: nobody's abort ends it for them.
    this.#answer ??= this.#ask(logger).catch((error: unknown) => {
      this.#answer = undefined;
      throw error;
    });
    return unlessAborted(this.#answer, signal);
  }

  async #ask(logger: OperationOptions['logger']): Promise<boolean> {
    const { target } = this.#connection;
    try {
      const [found] = await this.#connection.rows<{ readonly others: string }>(plainProbe(), {}, PLAIN_TEXT);
      if (found?.others === '0') return true;
      logger?.info({ target, others: found?.others }, 'the server reads text in another way, so it gets JSON');
    } catch (error) {
      if (!EtlError.isInstance(error) || error.isRetryable) throw error;
      logger?.info({ target, err: error.message }, 'the server does not say how it reads text, so it gets JSON');
    }
    return false;
  }
}
