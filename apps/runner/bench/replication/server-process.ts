import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Address, with user and password, of an engine that serves a directory from another process. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
}

export async function serverProcess(path: string): Promise<ServerProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer | number];
  if (typeof line === 'number') throw new Error(`the server ended with ${line}`);
  return {
    url: line.toString('utf8').trim(),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
