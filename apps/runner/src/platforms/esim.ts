import { z } from 'zod';
import { definePlatform } from '../platform.ts';

const personalColumns = z.array(
  z.union([z.string(), z.strictObject({ name: z.string(), since: z.string().optional() })]),
);

const esimGroupSchema = z.strictObject({
  base_url: z.url(),
  api_key: z.string().min(1),
  hash_key: z.string().min(16).optional(),
  datasets: z
    .record(
      z.string(),
      z.strictObject({
        reviewed: z.array(z.string()).optional(),
        columns: z.record(z.string(), z.strictObject({ type: z.string(), since: z.string().optional() })).optional(),
        drop: personalColumns.optional(),
        hash: personalColumns.optional(),
      }),
    )
    .optional(),
  exclude: z.array(z.string()).optional(),
  overlap_seconds: z.int().min(1).optional(),
  dataset: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'must be lowercase letters, digits and underscores')
    .optional(),
  destination: z.string().min(1).optional(),
});

/** The eSIM export API: one group is one backend. */
export const esimPlatform = definePlatform({
  name: 'esim',
  groupSchema: esimGroupSchema,
  open(groupName, group) {
    return {
      name: groupName,
      target: { destination: group.destination ?? 'clickhouse_esim', dataset: group.dataset ?? 'esim' },
      secrets: [group.api_key, ...(group.hash_key === undefined ? [] : [group.hash_key])],
      async createSource() {
        const { esim } = await import('@etl/source-esim');
        return esim({
          baseUrl: group.base_url,
          apiKey: group.api_key,
          ...(group.hash_key === undefined ? {} : { hashKey: group.hash_key }),
          ...(group.datasets === undefined ? {} : { datasets: group.datasets }),
          ...(group.exclude === undefined ? {} : { exclude: group.exclude }),
          ...(group.overlap_seconds === undefined ? {} : { overlapSeconds: group.overlap_seconds }),
        });
      },
    };
  },
});
