import { checkAccountAccess } from './access-tokens.ts';
import type { GraphCall } from './graph-call.ts';
import { unknownObject } from './graph-error.ts';
import { accountOf, type GraphNode } from './graph-node.ts';

/** @throws GraphError 100/33 if there is no such node, 10, 200 or 294 if it may not be seen */
export function findNode(call: GraphCall, id: string): GraphNode {
  const { world, grant, method } = call;
  if (id === 'me') return { type: 'User' };
  const business = world.accounts.find(({ businessId }) => businessId === id);
  if (business !== undefined) return { type: 'Business', id, name: business.businessName };
  const node = findInAccount(call, id);
  const account = node === undefined ? undefined : accountOf(node);
  if (node === undefined || account === undefined) throw unknownObject(id, method);
  checkAccountAccess(grant, account.id);
  return node;
}

function findInAccount({ world, runs, now }: GraphCall, id: string): GraphNode | undefined {
  if (id.startsWith('act_')) {
    const found = world.accounts.find((account) => `act_${account.id}` === id);
    return found === undefined ? undefined : { type: 'AdAccount', account: found };
  }
  const run = runs.find(id, now);
  if (run !== undefined) return { type: 'AdReportRun', account: world.account(run.accountId), run };
  const object = world.object(id);
  if (object === undefined) return undefined;
  const account = world.account(object.accountId);
  switch (object.kind) {
    case 'campaign':
      return { type: 'Campaign', account, object };
    case 'adSet':
      return { type: 'AdSet', account, object };
    case 'ad':
      return { type: 'Ad', account, object };
    default:
      return { type: 'AdCreative', account, object };
  }
}
