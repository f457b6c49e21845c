import { parseFields, type FieldSelection } from './field-selection.ts';
import type { GraphCall } from './graph-call.ts';
import { majorVersion } from './graph-call.ts';
import { EDGES, edgeNodes, nodeKey } from './graph-edges.ts';
import { GraphError, invalidParameter, tooMuchData } from './graph-error.ts';
import { accountOf, isReference, type GraphNode } from './graph-node.ts';
import { damage, type GraphList } from './graph-page.ts';
import { readInsights } from './insights-edge.ts';
import { integerParameter } from './json-parameter.ts';
import { defaultFields, fieldsOf } from './node-fields.ts';
import { pageOf } from './paging.ts';

// Fields that hold a tree: a page of them is answered up to a size only.
const HEAVY_FIELDS = new Set([
  'targeting',
  'object_story_spec',
  'tracking_specs',
  'conversion_specs',
  'promoted_object',
]);
const HEAVY_WEIGHT = 20;

/** A node with the fields that are asked for. */
export function writeNode(
  call: GraphCall,
  node: GraphNode,
  fields: readonly FieldSelection[] | undefined,
): Record<string, unknown> {
  const selections = fields === undefined || fields.length === 0 ? defaultSelections(node) : fields;
  const reader = fieldsOf(node, {
    world: call.world,
    now: call.now,
    version: majorVersion(call),
    poll: (run) => call.runs.poll(run, call.now),
  });
  const written: Record<string, unknown> = {};
  for (const selection of selections) {
    const { name } = selection;
    call.dataPoints += 1;
    if (reader.has(name)) {
      const value = reader.get(name);
      const shown = isReference(value) ? writeNode(call, value.node, selection.children) : value;
      if (shown !== undefined) written[name] = shown;
    } else if (EDGES[node.type].includes(name) || isInsights(node, name)) {
      const list = writeNestedList(call, node, selection);
      if (list.data.length > 0) written[name] = list;
    } else {
      throw invalidParameter(`Tried accessing nonexisting field (${name}) on node type (${node.type})`);
    }
  }
  // The id of a node is always there.
  if (reader.has('id') && written['id'] === undefined) written['id'] = reader.get('id');
  return written;
}

/** A page of a list that hangs on a node. */
export function writeList(
  call: GraphCall,
  node: GraphNode,
  edge: string,
  parameters: Readonly<Record<string, string>>,
): GraphList {
  if (isInsights(node, edge)) return readInsights(call, node, parameters, listUrl(call, node, edge));
  if (!EDGES[node.type].includes(edge)) {
    throw new GraphError({ code: 2500, message: `Unknown path components: /${edge}` });
  }
  const fields = parameters['fields'] === undefined ? undefined : parseFields(parameters['fields']);
  checkWeight(call, fields, parameters);
  const nodes = edgeNodes({ world: call.world, grant: call.grant, node, edge, parameters });
  const page = pageOf(nodes, nodeKey, {
    parameters,
    url: listUrl(call, node, edge),
    repeatsCursor: call.fault?.kind === 'repeated-cursor',
    isShort: call.fault?.kind === 'short-page',
  });
  const data = page.items.map((item) => damage(writeNode(call, item, fields), call.fault));
  return {
    data,
    ...(page.paging === undefined ? {} : { paging: page.paging }),
    ...(asksForCount(parameters) ? { summary: { total_count: nodes.length } } : {}),
  };
}

export function isInsights(node: GraphNode, edge: string): boolean {
  return edge === 'insights' && ['AdAccount', 'Campaign', 'AdSet', 'Ad', 'AdReportRun'].includes(node.type);
}

function writeNestedList(call: GraphCall, node: GraphNode, selection: FieldSelection): GraphList {
  const { modifiers, childrenText, name } = selection;
  const token = call.parameters['access_token'];
  const parameters = {
    ...(token === undefined ? {} : { access_token: token }),
    ...modifiers,
    ...(childrenText === undefined ? {} : { fields: childrenText }),
  };
  return writeList(call, node, name, parameters);
}

function defaultSelections(node: GraphNode): FieldSelection[] {
  return defaultFields(node.type).map((name) => ({ name, modifiers: {} }));
}

function listUrl(call: GraphCall, node: GraphNode, edge: string): string {
  const account = accountOf(node);
  const id =
    node.type === 'User'
      ? 'me'
      : node.type === 'Business'
        ? node.id
        : 'object' in node
          ? node.object.id
          : 'run' in node
            ? node.run.id
            : `act_${account?.id ?? ''}`;
  return `${call.baseUrl}/${call.version}/${id}/${edge}`;
}

function checkWeight(
  call: GraphCall,
  fields: readonly FieldSelection[] | undefined,
  parameters: Readonly<Record<string, string>>,
): void {
  const weights = (fields ?? []).map(({ name }) => (HEAVY_FIELDS.has(name) ? HEAVY_WEIGHT : 1));
  const weight = weights.reduce<number>((sum, each) => sum + each, 1);
  if (integerParameter(parameters, 'limit', 25, 5000) * weight > call.limits.listWeight) throw tooMuchData('reduce');
}

function asksForCount(parameters: Readonly<Record<string, string>>): boolean {
  const summary = parameters['summary'] ?? '';
  return ['true', '1', 'total_count', '["total_count"]'].includes(summary);
}
