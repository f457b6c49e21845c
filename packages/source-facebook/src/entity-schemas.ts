import { z } from 'zod';
import { rateStampColumns } from './rate-columns.ts';

const text = z.string().nullable();
const status = z
  .string()
  .meta({ etl: { lowCardinality: true } })
  .nullable();
const instant = z
  .string()
  .meta({ etl: { type: 'timestamp' } })
  .nullable();
/** In the smallest unit of the account's currency. */
const minorUnits = z
  .string()
  .regex(/^-?\d+$/, 'expected digits')
  .meta({ etl: { type: 'int64' } })
  .nullable();
/** Trees of which the platform changes the branches: one column of JSON, never a table each. */
const json = z
  .unknown()
  .meta({ etl: { type: 'json' } })
  .nullable();

const tags = {
  account_id: z.string(),
  managing_system: z.string().meta({ etl: { lowCardinality: true } }),
  _last_seen_at: z.date().describe('When the platform listed the object last. What it no longer lists stays.'),
};
const base = {
  id: z.string(),
  ...tags,
  updated_time: instant,
  created_time: instant,
  name: text,
  status,
  effective_status: status,
};

export const campaignSchema = z.object({
  ...base,
  objective: status,
  start_time: instant,
  stop_time: instant,
  daily_budget: minorUnits,
  lifetime_budget: minorUnits,
});

export const adSetSchema = z.object({
  ...base,
  campaign_id: text,
  start_time: instant,
  end_time: instant,
  daily_budget: minorUnits,
  lifetime_budget: minorUnits,
  optimization_goal: status,
  promoted_object: json,
  billing_event: status,
  bid_amount: minorUnits,
  bid_strategy: status,
  targeting: json,
});

export const adSchema = z.object({
  ...base,
  adset_id: text,
  campaign_id: text,
  creative: z.object({ id: text }),
  targeting: json,
  tracking_specs: json,
  conversion_specs: json,
});

export const adCreativeSchema = z.object({
  id: z.string(),
  ...tags,
  name: text,
  status,
  thumbnail_url: text,
  object_story_spec: json,
  effective_object_story_id: text,
  call_to_action_type: status,
  object_type: status,
  template_url: text,
  url_tags: text,
  /** `instagram_actor_id` before: no version answers that since 2025-09-09 (Marketing API changelog, version 22.0). */
  instagram_user_id: text,
  product_set_id: text,
  _fingerprint: z.string().describe('Of the fields by which a change is noticed without reading the whole object.'),
  _read_on: z.iso.date().describe('When the object was read in full last.'),
});

/** The columns of a table whose amounts are restated: as before, with what they were and how they were restated. */
export function restatedSchema(schema: z.ZodObject, amounts: readonly string[]): z.ZodObject {
  const sources = amounts.map((column): [string, z.ZodType] => [
    `${column}_source`,
    minorUnits.describe('In the currency of the account.'),
  ]);
  return schema.extend({ ...Object.fromEntries(sources), ...rateStampColumns });
}
