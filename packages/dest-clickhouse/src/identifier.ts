import { createHash } from 'node:crypto';
import { EtlError } from '@etl/core/errors';

/** Longest name that every file system below ClickHouse can hold, its own suffixes included. */
const MAX_NAME_BYTES = 200;

/** `name` as a quoted identifier. */
export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** `text` as a quoted string literal. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/**
 * The snake_case form of one source name, by the rules of the dlt tables that are already in use:
 * camelCase is split, what is neither letter nor digit becomes `_`, a leading digit gets a `_`.
 */
export function snakeCase(name: string): string {
  const plain = name
    .trim()
    .replaceAll(/[+*]/g, 'x')
    .replaceAll('@', 'a')
    .replaceAll('|', 'l')
    .replaceAll(/[^a-zA-Z0-9_]+/g, '_')
    .replace(/^(\d)/, '_$1')
    .replaceAll(/([^_])([A-Z][a-z]+)/g, '$1_$2')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();
  const tail = /_+$/.exec(plain)?.[0].length ?? 0;
  return `${plain.slice(0, plain.length - tail)}${'x'.repeat(tail)}`.replaceAll(/__+/g, '_');
}

/** A public name: dataset, separator and stream; too long a name ends in a hash of the whole. */
export function publicName(dataset: string | undefined, separator: string, stream: string): string {
  const name = dataset === undefined ? columnPath(stream) : `${snakeCase(dataset)}${separator}${columnPath(stream)}`;
  if (name.startsWith('_etl_') || name.startsWith('_raw_')) {
    throw new EtlError({
      code: 'CLICKHOUSE_NAME_RESERVED',
      kind: 'config',
      message: `The table name ${name} starts with a prefix that is reserved.`,
      hint: 'Choose another dataset.',
    });
  }
  return shortName(name);
}

/** The name itself, or, where it is too long, its beginning and a hash of the whole. */
export function shortName(name: string): string {
  return Buffer.byteLength(name) <= MAX_NAME_BYTES ? name : shortened(name);
}

/** The name of a column: every part of a flattened path `object__field` in snake_case. */
export function columnPath(name: string): string {
  return name.split('__').map(snakeCase).join('__');
}

function shortened(name: string): string {
  return `${truncated(name, MAX_NAME_BYTES - 17)}_${hash(name)}`;
}

function truncated(name: string, bytes: number): string {
  let text = '';
  let size = 0;
  for (const character of name) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    text += character;
  }
  return text;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** What names a pipeline in the names of its tables: readable, safe, and different for different pipelines. */
export function pipelineToken(pipeline: string): string {
  const readable = pipeline
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 40);
  return `${readable}_${hash(pipeline).slice(0, 8)}`;
}
