import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChdbServer, type ChooseFault } from '@etl/testing';

/** An engine of its own behind HTTP, so that several processes can reach it. */
export interface EngineFront extends AsyncDisposable {
  /** Address with user and password. */
  readonly url: string;
  /** Statements in the order of their arrival. */
  readonly queries: readonly string[];
}

/** `onStatement` is called before a statement is carried out, which waits for it. */
export async function startEngineFront(onStatement?: ChooseFault): Promise<EngineFront> {
  const directory = mkdtempSync(join(tmpdir(), 'etl-bench-'));
  const username = 'bench';
  const password = 'bench';
  const server = await startChdbServer({ path: join(directory, 'engine'), username, password, fault: onStatement });
  const url = new URL(server.url);
  url.username = username;
  url.password = password;
  return {
    url: url.href,
    queries: server.queries,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
