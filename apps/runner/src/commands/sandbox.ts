import { once } from 'node:events';
import type { PlatformName, Sandbox } from '@etl/sandbox';
import type { Command } from '../command-context.ts';
import { EXIT_OK } from '../exit-code.ts';
import { groupsVariable } from '../groups-variable.ts';
import { UsageError } from '../usage-error.ts';

export interface SandboxCommandOptions {
  readonly port?: string;
  readonly seed?: string;
  readonly speed?: string;
}

const DEFAULT_PORT = 4040;
const LARGEST_PORT = 65_535;
const FASTEST = 100_000;

/** `etl sandbox`: the platforms imitated on 127.0.0.1 until it is stopped, and the groups that load from them. */
export function runSandbox(options: SandboxCommandOptions): Command {
  return async ({ terminal, signal }) => {
    const port = wholeNumber('--port', options.port ?? String(DEFAULT_PORT), LARGEST_PORT);
    const clockSpeed = wholeNumber('--speed', options.speed ?? '1', FASTEST);
    const { startSandbox } = await import('@etl/sandbox');
    const seed = options.seed === undefined ? {} : { seed: options.seed };
    const sandbox = await startSandbox({ ...seed, now: new Date(), clockSpeed, port }).catch((error: unknown) => {
      throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? portTaken(port) : error;
    });
    try {
      // Its credentials are made up and of use nowhere else: they are the result, and must not be masked.
      process.stdout.write(`${groupLines(sandbox).join('\n')}\n`);
      terminal.say(`\nThe sandbox answers at ${sandbox.url} until you stop it (Ctrl+C). With the lines above set:`);
      terminal.say('  npm run etl -- run facebook d1 --embedded');
      terminal.say(`  curl -X POST ${sandbox.url}/_control/advance -d '{"days":1}'    (all of it: packages/sandbox)`);
      if (!signal.aborted) await once(signal, 'abort');
      return EXIT_OK;
    } finally {
      await sandbox[Symbol.asyncDispose]();
    }
  };
}

/** A group of each platform, as the environment of a shell. */
function groupLines({ world, facebook, esim }: Sandbox): readonly string[] {
  const accountIds = world.accounts.map(({ id }) => id);
  // The rates of the bank are no platform: groups of Facebook are read with them, see the README of the sandbox.
  const groups: Readonly<Record<Exclude<PlatformName, 'ecb'>, object>> = {
    facebook: { d1: { token: facebook.token, account_ids: accountIds, base_url: facebook.baseUrl } },
    esim: { default: { base_url: esim.baseUrl, api_key: esim.apiKey } },
  };
  return Object.entries(groups).map(
    ([platform, group]) => `export ${groupsVariable(platform)}='${JSON.stringify(group)}'`,
  );
}

function wholeNumber(option: string, text: string, largest: number): number {
  if (/^\d{1,6}$/.test(text) && Number(text) <= largest) return Number(text);
  throw new UsageError({
    code: 'SANDBOX_OPTION_INVALID',
    message: `${option} is not a whole number from 0 to ${largest}.`,
    hint: 'Leave it out for the default.',
  });
}

function portTaken(port: number): UsageError {
  return new UsageError({
    code: 'SANDBOX_PORT_TAKEN',
    message: `Port ${port} of 127.0.0.1 is taken.`,
    hint: 'Give another one, or --port 0 for one that is free.',
  });
}
