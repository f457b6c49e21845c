import { didYouMean } from './did-you-mean.ts';
import { environmentVariables } from './environment-variables.ts';
import type { Terminal } from './terminal.ts';

/** Nobody else has variables of these names, but for the tests. */
const OWN_NAME = /^(?:ETL_(?!TEST_)|(?:ESIM_|SUB_)?FB_)/;
/** Others have some of these, so only a slip of the pen counts. */
const SHARED_NAME = /^(?:CLICKHOUSE_|PIPELINE_)/;

/** Warns of variables that look like ours and are not read: a setting that is quietly ignored is worse than none. */
export function warnOfUnknownVariables(env: NodeJS.ProcessEnv, terminal: Pick<Terminal, 'say' | 'style'>): void {
  const known = environmentVariables().map(({ name }) => name);
  for (const name of Object.keys(env).toSorted()) {
    if (known.includes(name) || env[name] === '') continue;
    const isSlip = SHARED_NAME.test(name) && didYouMean(name, known, 2) !== undefined;
    if (!isSlip && !OWN_NAME.test(name)) continue;
    const close = didYouMean(name, known);
    terminal.say(
      `${terminal.style('yellow', '!')} ${name} is set, but nothing reads it${close === undefined ? '.' : `; did you mean ${close}?`}`,
    );
    terminal.say('  The variables are listed in docs/configuration.md.');
  }
}
