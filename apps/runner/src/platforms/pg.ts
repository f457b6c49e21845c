import { z } from 'zod';
import { definePlatform } from '../platform.ts';
import { sizeBytes } from '../size-text.ts';

const names = z.array(z.string().min(1)).min(1);

const pgGroupSchema = z.strictObject({
  connection_string: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must start with postgres:// or postgresql://')
    .refine(
      (text) => !/[<>…]/.test(text),
      'still holds a placeholder (<…> or …): put the real value there, percent-encoded',
    )
    .refine((text) => URL.canParse(text), 'is not an address; percent-encode special characters of the password'),
  schemas: names.optional(),
  tables: names.optional(),
  exclude: names.optional(),
  out_of_range: z.enum(['fail', 'null']).optional(),
  derived: z
    .array(z.strictObject({ transform: z.string().min(1), options: z.record(z.string(), z.string()).optional() }))
    .optional(),
  derived_only: names.optional(),
  max_slot_lag: z
    .string()
    .refine((text) => sizeBytes(text) !== undefined, 'must be a size such as 512MB or 8GB')
    .optional(),
  heartbeat_seconds: z.number().min(0.1).optional(),
  slot: z.string().min(1).optional(),
  failover: z.boolean().optional(),
  publication: z.string().min(1).optional(),
  dataset: z
    .string()
    .regex(/^[a-z_][a-z0-9_]*$/, 'must be lowercase letters, digits and underscores')
    .optional(),
  destination: z.string().min(1).optional(),
});

/** PostgreSQL: one group is one database. */
export const pgPlatform = definePlatform({
  name: 'pg',
  groupSchema: pgGroupSchema,
  open(groupName, group, suffix) {
    const replicationName = `etl_${identifier(groupName)}`;
    return {
      name: groupName,
      target: {
        destination: group.destination ?? 'clickhouse',
        dataset: group.dataset ?? identifier(groupName),
      },
      secrets: secretsOf(group.connection_string),
      hasHealth: true,
      async createSource({ maxSlotLagBytes = sizeBytes(group.max_slot_lag ?? ''), dropSlotOverLimit } = {}) {
        const { loadTransform, pgReplication } = await import('@etl/source-pg-replication');
        const derived = await Promise.all((group.derived ?? []).map((reference) => loadTransform(reference)));
        return pgReplication({
          connectionString: group.connection_string,
          // A pipeline of its own reads the log at its own pace, and so through its own slot.
          slot: (group.slot ?? replicationName) + identifier(suffix),
          publication: group.publication ?? replicationName,
          derived,
          ...(group.derived_only === undefined ? {} : { derivedOnly: group.derived_only }),
          ...(maxSlotLagBytes === undefined ? {} : { maxSlotLagBytes }),
          ...(dropSlotOverLimit === undefined ? {} : { dropSlotOverLimit }),
          ...(group.heartbeat_seconds === undefined ? {} : { heartbeatMs: Math.round(group.heartbeat_seconds * 1000) }),
          ...(group.failover === undefined ? {} : { failover: group.failover }),
          ...(group.schemas === undefined ? {} : { schemas: group.schemas }),
          ...(group.tables === undefined ? {} : { tables: group.tables }),
          ...(group.out_of_range === undefined ? {} : { outOfRange: group.out_of_range }),
          ...(group.exclude === undefined ? {} : { exclude: group.exclude }),
        });
      },
    };
  },
});

/** A group's name as a part of slot, publication and table names. */
function identifier(groupName: string): string {
  return groupName.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
}

function secretsOf(connectionString: string): string[] {
  const url = new URL(connectionString);
  const passwords = [url.password, url.searchParams.get('password') ?? ''];
  return [connectionString, ...passwords, ...passwords.map(percentDecoded)];
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
