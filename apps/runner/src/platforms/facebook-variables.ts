import { EtlError } from '@etl/core/errors';
import type { FacebookOptions } from '@etl/source-facebook';

/** A variable that sets one option of the Facebook source, or of its destination, for all of its platforms. */
interface OptionVariable {
  readonly name: string;
  readonly default: string;
  readonly meaning: string;
  /** Section and name of the option; a name alone is one of the source itself. */
  readonly option: readonly [section: 'insights' | 'reports' | 'creatives' | 'source' | 'destination', name: string];
  /** Smallest and largest whole number; absent: one of {@link OptionVariable.values}. */
  readonly range?: readonly [min: number, max: number];
  readonly values?: readonly string[];
  /** What the option is of the number that is written. @default the number */
  readonly convert?: (value: number) => number;
}

const seconds = (max: number): readonly [number, number] => [1, max];

/** In the order in which they are told. Where two set one option, the later one wins. */
const VARIABLES: readonly OptionVariable[] = [
  {
    name: 'FB_INSIGHTS_MAX_WAIT_TO_START_SECONDS',
    default: '300',
    meaning: 'Longest time a report may be at 0 %.',
    option: ['reports', 'startTimeoutSeconds'],
    range: seconds(86_400),
  },
  {
    name: 'FB_INSIGHTS_MAX_WAIT_TO_FINISH_SECONDS',
    default: '3600',
    meaning: 'Longest time until a report is complete.',
    option: ['reports', 'timeoutSeconds'],
    range: seconds(86_400),
  },
  {
    name: 'FB_INSIGHTS_JOB_TIMEOUT_SECONDS',
    default: '3600',
    meaning: 'The same; wins over it.',
    option: ['reports', 'timeoutSeconds'],
    range: seconds(86_400),
  },
  {
    name: 'FB_INSIGHTS_MAX_ASYNC_SLEEP_SECONDS',
    default: '60',
    meaning: 'Longest time between two looks at reports.',
    option: ['reports', 'maxPollSeconds'],
    range: seconds(3600),
  },
  {
    name: 'FB_INSIGHTS_MAX_RETRIES',
    default: '2',
    meaning: 'How often a report that failed or was skipped is submitted again.',
    option: ['reports', 'maxRetries'],
    range: [0, 10],
  },
  {
    name: 'FB_INSIGHTS_RETRY_BASE_DELAY_SECONDS',
    default: '30',
    meaning: 'Wait before it is; doubled each time.',
    option: ['reports', 'retryDelaySeconds'],
    range: [0, 3600],
  },
  {
    name: 'FB_INSIGHTS_WINDOW_DAYS',
    default: '8',
    meaning: 'Most days of one report.',
    option: ['insights', 'windowDays'],
    range: [1, 90],
  },
  {
    name: 'FB_INSIGHTS_LOAD_WINDOW_DAYS',
    default: '32',
    meaning: 'Most days of an account that are read and published together.',
    option: ['insights', 'loadWindowDays'],
    range: [1, 90],
  },
  {
    name: 'FB_INSIGHTS_RESULT_PAGE_SIZE',
    default: '500',
    meaning: 'Rows of a page of a report.',
    option: ['reports', 'pageSize'],
    range: [1, 5000],
  },
  {
    name: 'FB_ADCREATIVES_CHUNK_SIZE',
    default: '250',
    meaning: 'Creatives of a page with all fields.',
    option: ['creatives', 'pageSize'],
    range: [1, 5000],
  },
  {
    name: 'FB_ADCREATIVE_ID_PAGE_SIZE',
    default: '500',
    meaning: 'Creatives of a page with the fields by which a change is noticed.',
    option: ['creatives', 'listPageSize'],
    range: [1, 5000],
  },
  {
    name: 'FB_ADCREATIVE_HYDRATE_BATCH_SIZE',
    default: '50',
    meaning: 'Changed creatives that are read in one batch.',
    option: ['creatives', 'batchSize'],
    range: [1, 50],
  },
  {
    name: 'FB_CREATIVE_REFRESH_MODE',
    default: '`auto`',
    meaning: '`full` reads all creatives in full, `incremental` what changed, `auto` also what is older than a week.',
    option: ['creatives', 'refresh'],
    values: ['auto', 'full', 'incremental'],
  },
  {
    name: 'FB_RATE_LIMIT_PACE_THRESHOLD',
    default: '90',
    meaning: 'Percent of a quota from which on requests are spaced out.',
    option: ['source', 'slowDownAt'],
    range: [1, 100],
    convert: (percent) => percent / 100,
  },
  {
    name: 'FB_RATE_LIMIT_MAX_PACE_SECONDS',
    default: '30',
    meaning: 'Longest space between two requests.',
    option: ['source', 'longestSpacingSeconds'],
    range: [0, 3600],
  },
  {
    name: 'FB_CLICKHOUSE_SEND_RECEIVE_TIMEOUT_SECONDS',
    default: '300',
    meaning: 'Longest wait for one statement of ClickHouse.',
    option: ['destination', 'requestTimeoutMs'],
    range: seconds(86_400),
    convert: (value) => value * 1000,
  },
];

/** All of them, for the table of the configuration. */
export function facebookVariables(): readonly {
  readonly name: string;
  readonly default: string;
  readonly meaning: string;
}[] {
  return VARIABLES.map(({ name, default: value, meaning }) => ({
    name,
    default: value,
    meaning: `${meaning} Of \`facebook\`, \`esim_facebook\` and \`subscription_facebook\`.`,
  }));
}

type OptionSections = Pick<FacebookOptions, 'insights' | 'reports' | 'creatives'>;
export type FacebookSettings = OptionSections & Pick<FacebookOptions, 'slowDownAt' | 'longestSpacingSeconds'>;

/**
 * The options that the environment sets.
 *
 * @throws `FACEBOOK_VARIABLE_INVALID` (config) for a value that is not what it has to be: a setting that is
 *   quietly ignored is worse than none.
 */
export function facebookSettings(env: NodeJS.ProcessEnv): FacebookSettings {
  const { insights, reports, creatives, source } = sectionsOf(env);
  return {
    ...(insights === undefined ? {} : { insights }),
    ...(reports === undefined ? {} : { reports }),
    ...(creatives === undefined ? {} : { creatives }),
    ...source,
  };
}

/** What the environment sets of the destination. @throws `FACEBOOK_VARIABLE_INVALID` (config) */
export function facebookDestination(env: NodeJS.ProcessEnv): { readonly requestTimeoutMs?: number } {
  return sectionsOf(env)['destination'] ?? {};
}

function sectionsOf(env: NodeJS.ProcessEnv): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const sections: Record<string, Record<string, unknown>> = {};
  for (const variable of VARIABLES) {
    const text = env[variable.name]?.trim() ?? '';
    if (text === '') continue;
    const [section, option] = variable.option;
    sections[section] = { ...sections[section], [option]: valueOf(variable, text) };
  }
  return sections;
}

function valueOf({ name, range, values, convert }: OptionVariable, text: string): number | string {
  if (values?.includes(text) === true) return text;
  const [min, max] = range ?? [1, 0];
  if (/^\d{1,6}$/.test(text) && Number(text) >= min && Number(text) <= max) {
    return convert === undefined ? Number(text) : convert(Number(text));
  }
  const wanted = values === undefined ? `a whole number from ${min} to ${max}` : `one of ${values.join(', ')}`;
  throw new EtlError({
    code: 'FACEBOOK_VARIABLE_INVALID',
    kind: 'config',
    message: `${name} is not ${wanted}.`,
    hint: 'Correct it, or leave it out for the default.',
  });
}
