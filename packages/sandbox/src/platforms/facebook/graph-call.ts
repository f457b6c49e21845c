import type { AttributionWindow } from '../../world/attribution.ts';
import type { World } from '../../world/world.ts';
import type { Grant } from './access-tokens.ts';
import type { FacebookFault } from './facebook-fault.ts';
import { GraphError } from './graph-error.ts';
import type { ReportRuns } from './report-runs.ts';

export interface DataLimits {
  /** Rows times fields of a report that is answered at once. @default 60000 */
  readonly syncDataPoints?: number;
  /** Rows times fields of any report. @default 600000 */
  readonly reportDataPoints?: number;
  /** Rows times weight of a page of a list: a field weighs 1, one that holds a tree 20. @default 12000 */
  readonly listWeight?: number;
}

/** One request to the graph, once it is known who asks and what for. */
export interface GraphCall {
  readonly world: World;
  readonly grant: Grant;
  readonly now: number;
  readonly method: string;
  /** As in a path: `v24.0`. */
  readonly version: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly fault: FacebookFault | undefined;
  /** Where the versions are, absolute. */
  readonly baseUrl: string;
  readonly runs: ReportRuns;
  readonly limits: Required<DataLimits>;
  readonly returnedWindows: readonly AttributionWindow[];
  /** Rows times fields sent so far: what the call costs. */
  dataPoints: number;
}

export function majorVersion({ version }: GraphCall): number {
  return Number(/^v(\d+)/.exec(version)?.[1] ?? 0);
}

export interface GraphPath {
  readonly version: string;
  readonly segments: readonly string[];
}

/** Splits a path; without a version, the latest is meant. @throws GraphError 2635 for one that has been taken away */
export function parsePath(path: string, versions: readonly string[]): GraphPath {
  const [first = '', ...others] = path.split('/').filter((segment) => segment !== '');
  const latest = versions.at(-1) ?? 'v25.0';
  if (!/^v\d+(\.\d+)?$/.test(first)) {
    return { version: latest, segments: first === '' ? [] : [decodeURIComponent(first), ...others] };
  }
  const version = first.includes('.') ? first : `${first}.0`;
  if (versions.includes(version)) return { version, segments: others.map(decodeURIComponent) };
  const isOld = Number(version.slice(1)) < Number(latest.slice(1));
  throw isOld
    ? new GraphError({
        code: 2635,
        message: `(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: ${latest}.`,
      })
    : new GraphError({ code: 2500, message: `Unknown path components: /${[first, ...others].join('/')}` });
}
