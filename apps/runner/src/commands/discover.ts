import type { StreamSpec, ValueSpec } from '@etl/core';
import type { Command } from '../command-context.ts';
import { EXIT_OK } from '../exit-code.ts';
import { openGroup } from '../groups.ts';
import { withSource } from '../platform.ts';
import { loadPlatform } from '../registry.ts';

/** `etl discover`: the streams of a group as they are at the source now. */
export function discoverStreams(
  platformName: string,
  groupName: string | undefined,
  options: { readonly json?: boolean },
): Command {
  return async ({ env, terminal, redactor, signal, logger }) => {
    const platform = await loadPlatform(platformName);
    const group = await openGroup(platform, groupName, env);
    for (const secret of group.secrets) redactor.add(secret);
    const streams = await withSource(group, (source) => source.discover({ signal, logger }));
    if (options.json === true) terminal.json(streams);
    else for (const stream of streams) terminal.result(describe(stream));
    return EXIT_OK;
  };
}

function describe(stream: StreamSpec): string {
  const key = stream.primaryKey.length === 0 ? 'no key' : `key ${stream.primaryKey.join(', ')}`;
  const width = Math.max(0, ...stream.columns.map(({ name }) => name.length));
  const columns = stream.columns.map((column) => `  ${column.name.padEnd(width)}  ${typeOf(column)}`);
  return [`${stream.name}   ${stream.writeDisposition}, ${key}`, ...columns].join('\n');
}

function typeOf(value: ValueSpec): string {
  const precision = value.precision === undefined ? '' : `(${value.precision}, ${value.scale ?? 0})`;
  const items = value.items === undefined ? '' : ` of ${typeOf(value.items)}`;
  return `${value.type}${precision}${items}${value.nullable ? ', nullable' : ''}`;
}
