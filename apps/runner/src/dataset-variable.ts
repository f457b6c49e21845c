import { EtlError } from '@etl/core/errors';

/** Platform to the variable that names another dataset for a trial beside its tables. */
const VARIABLES: Readonly<Record<string, { readonly name: string; readonly own: string }>> = {
  facebook: { name: 'FB_DATASET_NAME', own: 'fb' },
};

/** A dataset that was asked for, and by what. */
export interface AskedDataset {
  readonly by: string;
  readonly name: string;
}

/**
 * The dataset that the environment asks for; `undefined` when it is the group's own.
 *
 * @throws `DATASET_VARIABLE_INVALID`, `DATASET_VARIABLE_SCHEDULED` (config): a mistyped name would fill tables that
 *   nobody reads, and a schedule that runs into a trial leaves the tables as they are.
 */
export function askedDataset(platform: string, own: string, env: NodeJS.ProcessEnv): AskedDataset | undefined {
  const variable = Object.hasOwn(VARIABLES, platform) ? VARIABLES[platform] : undefined;
  const name = variable === undefined ? '' : (env[variable.name] ?? '').trim();
  if (variable === undefined || name === '') return undefined;
  if (name !== variable.own && !new RegExp(`^${variable.own}_smoke_[a-z0-9_]{1,32}$`).test(name)) {
    throw new EtlError({
      code: 'DATASET_VARIABLE_INVALID',
      kind: 'config',
      message: `${variable.name} is neither ${variable.own} nor the name of a trial.`,
      hint: `Write it like ${variable.name}=${variable.own}_smoke_1, with at most 32 lowercase letters, digits and underscores after ${variable.own}_smoke_.`,
    });
  }
  if (name === own) return undefined;
  if (env['GITHUB_EVENT_NAME'] === 'schedule') {
    throw new EtlError({
      code: 'DATASET_VARIABLE_SCHEDULED',
      kind: 'config',
      message: `${variable.name} is set in a scheduled run, which would leave the tables of ${own} as they are.`,
      hint: 'Take the variable out of the schedule; it is for runs that a person starts.',
    });
  }
  return { by: variable.name, name };
}

/** All of them, for the table of the configuration. */
export function datasetVariables(): readonly {
  readonly name: string;
  readonly own: string;
  readonly platform: string;
}[] {
  return Object.entries(VARIABLES).map(([platform, variable]) => ({ ...variable, platform }));
}
