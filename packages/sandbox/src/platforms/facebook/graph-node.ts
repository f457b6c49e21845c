import type { AdAccount } from '../../world/ad-account.ts';
import type { Ad, AdSet, Campaign, Creative } from '../../world/ad-structure.ts';
import type { ReportRun } from './report-runs.ts';

/** Anything that has an id in the graph. */
export type GraphNode =
  | { readonly type: 'User' }
  | { readonly type: 'Business'; readonly id: string; readonly name: string }
  | { readonly type: 'AdAccount'; readonly account: AdAccount }
  | { readonly type: 'Campaign'; readonly account: AdAccount; readonly object: Campaign }
  | { readonly type: 'AdSet'; readonly account: AdAccount; readonly object: AdSet }
  | { readonly type: 'Ad'; readonly account: AdAccount; readonly object: Ad }
  | { readonly type: 'AdCreative'; readonly account: AdAccount; readonly object: Creative }
  | { readonly type: 'AdReportRun'; readonly account: AdAccount; readonly run: ReportRun };

export type NodeType = GraphNode['type'];

/** A node whose fields are asked for, named by its type and id in the selection that leads to it. */
export interface NodeReference {
  readonly node: GraphNode;
}

export function isReference(value: unknown): value is NodeReference {
  return typeof value === 'object' && value !== null && 'node' in value;
}

export function accountOf(node: GraphNode): AdAccount | undefined {
  return 'account' in node ? node.account : undefined;
}
