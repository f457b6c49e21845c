import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChdbServer, type ChdbServer, type ChooseFault } from '@etl/testing';

/** One way into the engine. */
export interface Door {
  /** Address with user and password. */
  readonly url: string;
  /** Statements in the order of their arrival. */
  readonly queries: readonly string[];
}

/**
 * An engine of its own behind HTTP, so that several processes can reach it. Its doors differ in what
 * they do to statements and note of them; statements overlap, through one door or several.
 */
export class EngineFront implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'etl-bench-'));
  readonly #servers: ChdbServer[] = [];

  /** `onStatement` is called before a statement is carried out, which waits for it. */
  async openDoor(onStatement?: ChooseFault): Promise<Door> {
    const username = 'bench';
    const password = 'bench';
    const path = join(this.#directory, 'engine');
    const server = await startChdbServer({ path, username, password, fault: onStatement });
    this.#servers.push(server);
    const url = new URL(server.url);
    url.username = username;
    url.password = password;
    return { url: url.href, queries: server.queries };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
