import { EtlError } from '@etl/core';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the directory of an embedded database where it is missing.
 *
 * @throws `CLICKHOUSE_EMBEDDED_UNWRITABLE` (config) when it cannot be made or written into.
 */
export function makeEmbeddedDirectory(directory: string): void {
  try {
    make(directory);
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new EtlError({
      code: 'CLICKHOUSE_EMBEDDED_UNWRITABLE',
      kind: 'config',
      message: `The directory ${directory} of the embedded ClickHouse cannot be made or written into (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`,
      hint: 'Give it another place, or this user the right to write there.',
      cause: error,
    });
  }
}

/** Not by `recursive`, which never ends where a folder can be made by nobody, as in /proc (Node 24.21, 2026-11). */
function make(directory: string): void {
  if (existsSync(directory)) return;
  make(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
