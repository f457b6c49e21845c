import type { Command } from '../command-context.ts';
import { EXIT_OK } from '../exit-code.ts';
import { noGroups, readGroups } from '../groups.ts';
import { platformNames } from '../registry.ts';
import { warnOfUnknownVariables } from '../unknown-variables.ts';

/** `etl groups`: which groups are configured, and where. */
export function listGroups(options: { readonly json?: boolean }): Command {
  return async ({ env, terminal }) => {
    warnOfUnknownVariables(env, terminal);
    const configured = await Promise.all(
      platformNames().map(async (platform) => ({ platform, found: await readGroups(platform, env) })),
    );
    const lines = configured.flatMap(({ platform, found }) =>
      found === undefined || found.groups.size === 0
        ? []
        : [{ platform, groups: [...found.groups.keys()], origin: found.origin }],
    );
    if (options.json === true) {
      terminal.json(lines);
      return EXIT_OK;
    }
    if (lines.length === 0) throw noGroups(platformNames(), env);
    for (const { platform, groups, origin } of lines) {
      terminal.result(`${platform.padEnd(18)} ${groups.join(', ')}   (${origin})`);
    }
    return EXIT_OK;
  };
}
