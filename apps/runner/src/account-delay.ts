import { UsageError } from './usage-error.ts';

/** Platform to the variable that asks for a pause between its accounts. */
const VARIABLES: Readonly<Record<string, string>> = {
  facebook: 'FB_ACCOUNT_DELAY_SECONDS',
  esim_facebook: 'ESIM_FB_ACCOUNT_DELAY_SECONDS',
  subscription_facebook: 'SUB_FB_ACCOUNT_DELAY_SECONDS',
};

const LONGEST_SECONDS = 86_400;

/** The pause between accounts that the environment asks for. @throws `ACCOUNT_DELAY_INVALID` (usage). */
export function accountDelayMs(platform: string, env: NodeJS.ProcessEnv): number | undefined {
  const variable = Object.hasOwn(VARIABLES, platform) ? VARIABLES[platform] : undefined;
  const text = variable === undefined ? '' : (env[variable] ?? '').trim();
  if (variable === undefined || text === '') return undefined;
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (seconds <= LONGEST_SECONDS) return seconds * 1000;
  throw new UsageError({
    code: 'ACCOUNT_DELAY_INVALID',
    message: `${variable} is not a whole number of seconds from 0 to ${LONGEST_SECONDS}.`,
    hint: `Write it like ${variable}=600, or leave it out: quotas are paced by what the platform says of them.`,
  });
}

/** All of them, for the table of the configuration. */
export function accountDelayVariables(): readonly { readonly name: string; readonly platform: string }[] {
  return Object.entries(VARIABLES).map(([platform, name]) => ({ name, platform }));
}
