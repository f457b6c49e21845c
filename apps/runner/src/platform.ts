import type { Source } from '@etl/core';
import type { z } from 'zod';

/** What a group of a platform says about where its rows go. */
export interface GroupTarget {
  /** Name of the destination. */
  readonly destination: string;
  /** Name in front of every table name. */
  readonly dataset: string;
}

/** One platform as the command line sees it: how its groups look and how its source is made. */
export interface Platform {
  readonly name: string;
  /** Shape of one group in the group file. */
  readonly groupSchema: z.ZodType;
  /** Accounts of a validated group that no other group may have too. Absent: groups cannot meet. */
  accountsOf?(group: unknown): readonly string[];
  /**
   * Reads a validated group. The suffix is that of the pipeline, empty unless one is configured; `env` is where
   * a platform has settings that are no secrets and hold for all its groups.
   */
  open(groupName: string, group: unknown, suffix?: string, env?: NodeJS.ProcessEnv): PlatformGroup;
}

/** One configured group, validated. */
export interface PlatformGroup {
  readonly name: string;
  readonly target: GroupTarget;
  /** Every secret value the group holds, so that none of them is ever printed. */
  readonly secrets: readonly string[];
  /** Longest wait for one statement of the destination, where the platform has one of its own. */
  readonly requestTimeoutMs?: number;
  /** The streams that a backfill is about, when nobody names any. Absent: all. */
  readonly backfillStreams?: readonly string[];
  /** Whether the source has something to say of its own side, see `Source.health`. */
  readonly hasHealth?: boolean;
  /** Imports the connector and connects to nothing yet. */
  createSource(settings?: SourceSettings): Promise<Source>;
}

/** What a command line asks of a source, over what its group says; platforms without such a thing ignore it. */
export interface SourceSettings {
  /** Most of its log that the source may keep for us. */
  readonly maxSlotLagBytes?: number;
  /** Whether to give that log up, and read everything anew, when it is more. */
  readonly dropSlotOverLimit?: boolean;
}

/** Keeps the types of one platform together while the registry forgets them. */
export function definePlatform<TGroup>(definition: {
  readonly name: string;
  readonly groupSchema: z.ZodType<TGroup>;
  accountsOf?(group: TGroup): readonly string[];
  open(groupName: string, group: TGroup, suffix: string, env: NodeJS.ProcessEnv): PlatformGroup;
}): Platform {
  return {
    name: definition.name,
    groupSchema: definition.groupSchema,
    accountsOf: (group) => definition.accountsOf?.(definition.groupSchema.parse(group)) ?? [],
    open: (groupName, group, suffix = '', env = {}) =>
      definition.open(groupName, definition.groupSchema.parse(group), suffix, env),
  };
}

/** Makes the group's source, and closes it after the work with it. */
export async function withSource<T>(
  group: PlatformGroup,
  work: (source: Source) => Promise<T>,
  settings?: SourceSettings,
): Promise<T> {
  const source = await group.createSource(settings);
  try {
    return await work(source);
  } finally {
    await source[Symbol.asyncDispose]();
  }
}
