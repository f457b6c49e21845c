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
  /** Reads a validated group. The suffix is that of the pipeline, empty unless one is configured. */
  open(groupName: string, group: unknown, suffix?: string): PlatformGroup;
}

/** One configured group, validated. */
export interface PlatformGroup {
  readonly name: string;
  readonly target: GroupTarget;
  /** Every secret value the group holds, so that none of them is ever printed. */
  readonly secrets: readonly string[];
  /** Imports the connector and connects to nothing yet. */
  createSource(): Promise<Source>;
}

/** Keeps the types of one platform together while the registry forgets them. */
export function definePlatform<TGroup>(definition: {
  readonly name: string;
  readonly groupSchema: z.ZodType<TGroup>;
  open(groupName: string, group: TGroup, suffix: string): PlatformGroup;
}): Platform {
  return {
    name: definition.name,
    groupSchema: definition.groupSchema,
    open: (groupName, group, suffix = '') => definition.open(groupName, definition.groupSchema.parse(group), suffix),
  };
}

/** Makes the group's source, and closes it after the work with it. */
export async function withSource<T>(group: PlatformGroup, work: (source: Source) => Promise<T>): Promise<T> {
  const source = await group.createSource();
  try {
    return await work(source);
  } finally {
    await source[Symbol.asyncDispose]();
  }
}
