import { z } from 'zod';
import { NEVER_GIVEN_UP, type Level } from './insight-fields.ts';

const ENTITY_LEVELS = ['campaign', 'adset', 'ad'] as const;
export type EntityLevel = (typeof ENTITY_LEVELS)[number];

const DEEPER: Readonly<Record<EntityLevel, EntityLevel | undefined>> = {
  campaign: 'adset',
  adset: 'ad',
  ad: undefined,
};

/** A part of an account that is asked for in reports of its own. */
export const reportPartSchema = z.object({
  /** What it is divided by; absent for a whole account that was never divided. */
  level: z.enum(ENTITY_LEVELS).optional(),
  /** The one object of the level above that it lies in. */
  parent: z.string().optional(),
  /** These objects; absent: all but {@link without}, whatever comes into being later included. */
  ids: z.array(z.string()).optional(),
  without: z.array(z.string()),
  /** Fields by the report in which they are asked for. */
  groups: z.array(z.array(z.string())),
  /** Fields that were too much alone for a single object on a single day. */
  unfetched: z.array(z.string()),
});
export type ReportPart = z.output<typeof reportPartSchema>;

/** An entry of the parameter `filtering`. */
export interface ReportFilter {
  readonly field: string;
  readonly operator: 'IN' | 'NOT_IN';
  readonly value: readonly string[];
}

/** The whole account, its fields in these reports. */
export function wholePart(groups: readonly (readonly string[])[]): ReportPart {
  return { without: [], groups: groups.map((group) => [...group]), unfetched: [] };
}

/** Which objects the part is about. */
export function filtersOf({ level, parent, ids, without }: ReportPart): readonly ReportFilter[] {
  if (level === undefined) return [];
  const above = ENTITY_LEVELS[ENTITY_LEVELS.indexOf(level) - 1];
  return [
    ...(parent === undefined || above === undefined
      ? []
      : [{ field: `${above}.id`, operator: 'IN' as const, value: [parent] }]),
    ...(ids === undefined ? [] : [{ field: `${level}.id`, operator: 'IN' as const, value: ids }]),
    ...(without.length === 0 ? [] : [{ field: `${level}.id`, operator: 'NOT_IN' as const, value: without }]),
  ];
}

/** Ids of the objects of a level, of one parent when it is given. */
export type ListIds = (level: EntityLevel, parent: string | undefined) => Promise<readonly string[]>;

/**
 * Two parts that together are the part; `undefined` when it is a single object at the report's own level,
 * or a report that adds up all of them. The halves are *these* and *all but these*, so that nothing is lost
 * that comes into being between two reports.
 */
export async function halvesOf(
  part: ReportPart,
  reportLevel: Level,
  listIds: ListIds,
): Promise<readonly [ReportPart, ReportPart] | undefined> {
  if (reportLevel === 'account') return undefined;
  const { level = 'campaign', parent, ids, without } = part;
  const excluded = new Set(without);
  const candidates = (ids ?? (await listIds(level, parent))).filter((id) => !excluded.has(id));
  const [first] = candidates;
  if (first === undefined) return undefined;
  if (ids === undefined || candidates.length > 1) {
    const half = candidates.slice(0, Math.ceil(candidates.length / 2));
    const rest = ids === undefined ? { without: [...without, ...half] } : { ids: candidates.slice(half.length) };
    return [
      { ...part, level, ids: half, without: [] },
      { ...part, level, ...rest },
    ];
  }
  const deeper = DEEPER[level];
  if (level === reportLevel || deeper === undefined) return undefined;
  const inside = { level: deeper, parent: first, without: [], groups: part.groups, unfetched: part.unfetched };
  return halvesOf(inside, reportLevel, listIds);
}

/** The part with the fields of a report in two; with the field given up when it was alone; else `undefined`. */
export function withFewerFields(part: ReportPart, group: readonly string[]): ReportPart | undefined {
  const { groups } = part;
  const [field] = group;
  const isOfPart = (candidate: readonly string[]): boolean => candidate.join() === group.join();
  if (field === undefined || !groups.some(isOfPart)) return undefined;
  if (group.length > 1) {
    const middle = Math.ceil(group.length / 2);
    const halves = [group.slice(0, middle), group.slice(middle)];
    return { ...part, groups: groups.flatMap((each) => (isOfPart(each) ? halves : [each])) };
  }
  // Without these a row is not the row that was asked for.
  if (NEVER_GIVEN_UP.has(field) || groups.length === 1) return undefined;
  return withoutField(part, field);
}

/** The part as it is asked for without a field. */
export function withoutField(part: ReportPart, field: string): ReportPart {
  const groups = part.groups.map((group) => group.filter((name) => name !== field)).filter((group) => group.length > 0);
  return { ...part, groups, unfetched: [...new Set([...part.unfetched, field])] };
}
