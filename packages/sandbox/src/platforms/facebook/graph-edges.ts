import { isRemoved, type World } from '../../world/world.ts';
import type { AdAccount } from '../../world/ad-account.ts';
import { canRead, type Grant } from './access-tokens.ts';
import { passes, parseFiltering } from './filtering.ts';
import { invalidParameter } from './graph-error.ts';
import type { GraphNode } from './graph-node.ts';
import { listParameter } from './json-parameter.ts';

/** The lists that hang on each type of node, besides `insights`. */
export const EDGES: Readonly<Record<GraphNode['type'], readonly string[]>> = {
  User: ['adaccounts'],
  Business: ['owned_ad_accounts', 'client_ad_accounts'],
  AdAccount: ['campaigns', 'adsets', 'ads', 'adcreatives'],
  Campaign: ['adsets', 'ads'],
  AdSet: ['ads', 'adcreatives'],
  Ad: ['adcreatives'],
  AdCreative: [],
  AdReportRun: [],
};

export interface EdgeRequest {
  readonly world: World;
  readonly grant: Grant;
  readonly node: GraphNode;
  readonly edge: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The nodes of a list in the order of its pages, newest first, after its filters. */
export function edgeNodes(request: EdgeRequest): GraphNode[] {
  const { world, node, edge, grant, parameters } = request;
  if (node.type === 'User' || node.type === 'Business') {
    return world.accounts
      .filter(({ id }) => canRead(grant, id))
      .filter(({ businessId }) => node.type === 'User' || (edge === 'owned_ad_accounts' && businessId === node.id))
      .map((account): GraphNode => ({ type: 'AdAccount', account }));
  }
  if (!('account' in node)) return [];
  return objectsOf(world, node.account, node, edge)
    .filter((found) => isWanted(found, parameters))
    .sort((a, b) => (nodeKey(a) < nodeKey(b) ? -1 : 1));
}

/** Place of a node in its list, and content of the cursors of its pages. */
export function nodeKey(node: GraphNode): string {
  if (node.type === 'AdAccount') return String(node.account.index).padStart(4, '0');
  if (!('object' in node)) return '0';
  return `${String(9_999_999_999_999 - node.object.createdAt).padStart(13, '0')}.${node.object.id}`;
}

function objectsOf(world: World, account: AdAccount, parent: GraphNode, edge: string): ObjectNode[] {
  const parentId = 'object' in parent ? parent.object.id : undefined;
  switch (edge) {
    case 'campaigns':
      return world.campaigns(account.id).map((object) => ({ type: 'Campaign', account, object }));
    case 'adsets':
      return world
        .adSets(account.id)
        .filter(({ campaignId }) => parentId === undefined || campaignId === parentId)
        .map((object) => ({ type: 'AdSet', account, object }));
    case 'ads':
      return world
        .ads(account.id)
        .filter((ad) => parentId === undefined || [ad.campaignId, ad.adSetId].includes(parentId))
        .map((object) => ({ type: 'Ad', account, object }));
    case 'adcreatives': {
      const creatives = world.creatives(account.id);
      if (parentId === undefined) return creatives.map((object) => ({ type: 'AdCreative', account, object }));
      const ads = world.ads(account.id).filter((ad) => [ad.id, ad.adSetId].includes(parentId));
      const used = new Set(ads.map(({ creativeId }) => creativeId));
      return creatives.filter(({ id }) => used.has(id)).map((object) => ({ type: 'AdCreative', account, object }));
    }
    default:
      return [];
  }
}

type ObjectNode = Extract<GraphNode, { object: unknown }>;

// Archived ones are in a list only if their status is asked for, deleted ones never.
function isWanted({ object }: ObjectNode, parameters: Readonly<Record<string, string>>): boolean {
  const filters = parseFiltering(parameters);
  const statuses = listParameter(parameters, 'effective_status');
  const filtered = filters.flatMap(({ field, value }) =>
    field.endsWith('effective_status') ? [value].flat().map(String) : [],
  );
  const asked = new Set([...(statuses ?? []), ...filtered]);
  if (asked.has('DELETED')) throw invalidParameter('Cannot Request for Deleted Objects');
  if (object.effectiveStatus === 'DELETED') return false;
  if (isRemoved(object) && !asked.has('ARCHIVED')) return false;
  if (statuses !== undefined && !statuses.includes(object.effectiveStatus)) return false;
  const since = parameters['updated_since'];
  if (since !== undefined && object.updatedAt < Number(since) * 1000) return false;
  return passes(filters, (field) => {
    const property = field.slice(field.indexOf('.') + 1);
    switch (property) {
      case 'id':
        return field === 'campaign.id' && 'campaignId' in object
          ? object.campaignId
          : field === 'adset.id' && 'adSetId' in object
            ? object.adSetId
            : object.id;
      case 'name':
        return object.name;
      case 'effective_status':
        return object.effectiveStatus;
      case 'updated_time':
        return String(Math.floor(object.updatedAt / 1000));
      case 'created_time':
        return String(Math.floor(object.createdAt / 1000));
      default:
        return undefined;
    }
  });
}
