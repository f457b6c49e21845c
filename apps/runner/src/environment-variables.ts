import { accountDelayVariables } from './account-delay.ts';
import { allBackfillVariables } from './backfill-variables.ts';
import { datasetVariables } from './dataset-variable.ts';
import { DESTINATIONS } from './destinations.ts';
import { platformNames } from './registry.ts';
import { facebookVariables } from './platforms/facebook-variables.ts';
import { groupsVariable } from './groups-variable.ts';

export interface EnvironmentVariable {
  readonly name: string;
  readonly default: string;
  readonly meaning: string;
}

/** Every environment variable that `etl` reads; the configuration table of the README is made of it. */
export function environmentVariables(): readonly EnvironmentVariable[] {
  return [
    ...destinationVariables(),
    {
      name: 'ETL_DATA_DIR',
      default: '`.etl`',
      meaning: 'Directory of the embedded ClickHouse, which stands in for every destination without a URL.',
    },
    ...platformNames().map((platform) => ({
      name: groupsVariable(platform),
      default: '',
      meaning: `Groups of \`${platform}\` as JSON, plain or base64. Nothing of it is written to disk. Wins over the file.`,
    })),
    {
      name: 'ETL_SECRETS_DIR',
      default: '`secrets`',
      meaning: 'Directory of the group files, `<platform>.json`.',
    },
    {
      name: 'PIPELINE_NAME_SUFFIX',
      default: '',
      meaning:
        'Appended to the pipeline name `<platform>_<group>`: a pipeline with positions and a replication slot of its own. Give `--dataset` as well, and the tables are its own too. Refused in a GitHub schedule.',
    },
    ...allBackfillVariables().map(({ name, unit, platform }) => ({
      name,
      default: '',
      meaning: `Backfill of the last so many ${unit} of \`${platform}\` in \`run\` and \`plan\`. \`--from\` and \`--backfill-days\` win over it.`,
    })),
    ...accountDelayVariables().map(({ name, platform }) => ({
      name,
      default: '0',
      meaning: `Pause in seconds between two accounts of \`${platform}\`, which are then read one after the other. Rarely needed: quotas are paced by what the platform says of them.`,
    })),
    ...facebookVariables(),
    ...datasetVariables().map(({ name, own, platform }) => ({
      name,
      default: `\`${own}\``,
      meaning: `Dataset of \`${platform}\`: \`${own}\`, or \`${own}_smoke_…\` for a trial beside it, with \`PIPELINE_NAME_SUFFIX\`. \`--dataset\` wins over it; refused in a GitHub schedule.`,
    })),
    {
      name: 'ETL_ALERT_WEBHOOK_URL',
      default: '',
      meaning: 'Webhook that is told, as JSON, when a run fails and when it is good again. A secret.',
    },
    {
      name: 'SLACK_WEBHOOK_URL',
      default: '',
      meaning: 'The same as a Slack message, when `ETL_ALERT_WEBHOOK_URL` is not set. A secret.',
    },
    {
      name: 'ETL_LOCK_WAIT_SECONDS',
      default: '75',
      meaning: 'How long to wait for another run that holds the pipeline or the embedded database, before exit 75.',
    },
    {
      name: 'ETL_LOG_FORMAT',
      default: '',
      meaning: '`json` writes structured logs to stderr, also without `--verbose`.',
    },
    {
      name: 'CI',
      default: '',
      meaning:
        'When set, a destination without a URL is a configuration error unless `--embedded` is given, and progress is printed as plain lines.',
    },
    { name: 'NO_COLOR', default: '', meaning: 'When set, nothing is coloured.' },
  ];
}

function destinationVariables(): EnvironmentVariable[] {
  return Object.entries(DESTINATIONS).flatMap(([name, { variable, database }]) => [
    {
      name: `${variable}_URL`,
      default: 'the embedded ClickHouse',
      meaning: `HTTP address of destination \`${name}\`: \`https://user:password@host:8443/database\`. The database defaults to \`${database}\`.`,
    },
    {
      name: `${variable}_USER`,
      default: '`default`',
      meaning: `User of \`${name}\`, when the URL names none.`,
    },
    {
      name: `${variable}_PASSWORD`,
      default: '',
      meaning: `Password of \`${name}\`, when the URL holds none.`,
    },
  ]);
}
