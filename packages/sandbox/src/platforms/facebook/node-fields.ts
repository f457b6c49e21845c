import { hashText } from '../../random.ts';
import { minorDigits, type AdAccount } from '../../world/ad-account.ts';
import { localTime, offsetTimeText } from '../../world/calendar.ts';
import { USER_ID } from './access-tokens.ts';
import type { GraphNode, NodeType } from './graph-node.ts';
import {
  AD_FIELDS,
  AD_SET_FIELDS,
  CAMPAIGN_FIELDS,
  CREATIVE_FIELDS,
  type FieldContext,
  type Fields,
} from './object-fields.ts';
import { jobErrorOf, type JobError } from './job-error.ts';
import type { JobStep, ReportRun } from './report-runs.ts';
import type { World } from '../../world/world.ts';

const ACCOUNT_FIELDS: Fields<AdAccount> = {
  id: ({ id }) => `act_${id}`,
  account_id: ({ id }) => id,
  name: ({ name }) => name,
  account_status: () => 1,
  disable_reason: () => 0,
  age: ({ createdAt }, { now }) => Math.floor((now - createdAt) / 86_400_000),
  amount_spent: ({ id, currency }) => String((1000 + (hashText(id) % 9000)) * 10 ** minorDigits(currency)),
  balance: () => '0',
  spend_cap: () => '0',
  business: ({ businessId, businessName }) => ({ node: { type: 'Business', id: businessId, name: businessName } }),
  business_name: ({ businessName }) => businessName,
  created_time: ({ createdAt, timeZone }) => offsetTimeText(createdAt, timeZone),
  currency: ({ currency }) => currency,
  timezone_id: ({ timeZone }) => 1 + (hashText(timeZone) % 140),
  timezone_name: ({ timeZone }) => timeZone,
  timezone_offset_hours_utc: ({ timeZone }, { now }) => localTime(now, timeZone).offsetMinutes / 60,
};

interface PolledRun {
  readonly run: ReportRun;
  readonly step: JobStep;
  /** Of the API; errors are told of from 25.0 on. */
  readonly version: number;
}

const RUN_FIELDS: Fields<PolledRun> = {
  id: ({ run }) => run.id,
  account_id: ({ run }) => run.accountId,
  time_ref: ({ run }) => Math.floor(run.submittedAt / 1000),
  time_completed: ({ run, step }, { now }) =>
    step.status === 'Job Completed' ? Math.floor(Math.min(now, run.submittedAt + 30_000) / 1000) : undefined,
  async_status: ({ step }) => step.status,
  async_percent_completion: ({ step }) => step.percent,
  date_start: ({ run }) => run.dates[0],
  date_stop: ({ run }) => run.dates[1],
  is_running: ({ step }) => step.status === 'Job Running',
  error_code: (polled) => jobError(polled)?.error_code,
  error_subcode: (polled) => jobError(polled)?.error_subcode,
  error_message: (polled) => jobError(polled)?.error_message,
  error_user_title: (polled) => jobError(polled)?.error_user_title,
  error_user_msg: (polled) => jobError(polled)?.error_user_msg,
};

const RUN_DEFAULTS = Object.keys(RUN_FIELDS).filter((field) => field !== 'is_running');

export interface NodeFieldsContext {
  readonly world: World;
  readonly now: number;
  readonly version: number;
  readonly poll: (run: ReportRun) => JobStep;
}

/** Fields that are sent when none are asked for. */
export function defaultFields(type: NodeType): readonly string[] {
  if (type === 'AdReportRun') return RUN_DEFAULTS;
  if (type === 'AdAccount') return ['account_id', 'id'];
  return type === 'User' || type === 'Business' ? ['id', 'name'] : ['id'];
}

/** Gives the fields of a node by their names; `has` tells those that exist from those that are not set. */
export function fieldsOf(
  node: GraphNode,
  context: NodeFieldsContext,
): { has: (name: string) => boolean; get: (name: string) => unknown } {
  const { world, now } = context;
  const reader = <T>(fields: Fields<T>, value: T, account?: AdAccount) => {
    const fieldContext = { world, now, account } as FieldContext;
    return { has: (name: string) => name in fields, get: (name: string) => fields[name]?.(value, fieldContext) };
  };
  switch (node.type) {
    case 'User':
      return reader({ id: () => USER_ID, name: () => 'Reporting System User' }, undefined);
    case 'Business':
      return reader<typeof node>({ id: ({ id }) => id, name: ({ name }) => name }, node);
    case 'AdAccount':
      return reader(ACCOUNT_FIELDS, node.account, node.account);
    case 'Campaign':
      return reader(CAMPAIGN_FIELDS, node.object, node.account);
    case 'AdSet':
      return reader(AD_SET_FIELDS, node.object, node.account);
    case 'Ad':
      return reader(AD_FIELDS, node.object, node.account);
    case 'AdCreative':
      return reader(CREATIVE_FIELDS, node.object, node.account);
    case 'AdReportRun':
      return reader(
        RUN_FIELDS,
        { run: node.run, step: context.poll(node.run), version: context.version },
        node.account,
      );
    default:
      throw new RangeError('There is no such type of node.');
  }
}

function jobError({ run, step, version }: PolledRun): JobError | undefined {
  return step.status === 'Job Failed' && version >= 25 ? jobErrorOf(run) : undefined;
}
