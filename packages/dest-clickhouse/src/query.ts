import type { OperationOptions } from '@etl/core';
import { EtlError } from '@etl/core/errors';
import { clickHouseError } from './clickhouse-error.ts';
import { resolveOptions } from './clickhouse-destination.ts';
import { openConnection } from './open-connection.ts';
import type { ClickHouseOptions } from './options.ts';

/** Read access to a destination for people: `etl sql`. */
export interface ClickHouseReader extends AsyncDisposable {
  /** The bytes of the result in the given format; `format` is ignored when the query names one. */
  query(sql: string, options?: OperationOptions & { readonly format?: string }): AsyncIterable<Uint8Array>;
}

/**
 * Opens a destination for reading. An embedded database first completes every load that a dead run
 * had prepared: no other process can hold it, and readers shall see whole loads.
 */
export async function openClickHouse(
  options: ClickHouseOptions,
  operation: OperationOptions & { readonly waitMs?: number | undefined } = {},
): Promise<ClickHouseReader> {
  const resolved = resolveOptions(options);
  const connection = await openConnection(resolved, operation);
  try {
    const databases = await connection.rows<{ name: string }>('SELECT name FROM system.databases', operation);
    if (connection.isEmbedded && databases.some(({ name }) => name === resolved.database)) {
      const { completeLoadsOfDead } = await import('./recover.ts');
      const { Database } = await import('./database.ts');
      await completeLoadsOfDead(new Database(connection, resolved.database), resolved, operation);
    }
  } catch (error) {
    await connection.close();
    throw error;
  }
  return {
    async *query(sql, { format = 'TSVWithNames', ...rest } = {}) {
      const statement = sql.trim().replace(/;\s*$/, '');
      const hasFormat = /\bFORMAT\s+[A-Za-z]+\s*$/i.test(statement);
      try {
        yield* connection.stream(hasFormat ? statement : `${statement}\nFORMAT ${format}`, rest);
      } catch (error) {
        throw inOwnWords(error, connection.target);
      }
    },
    async [Symbol.asyncDispose]() {
      await connection.close();
    },
  };
}

/** The refusal of a person's own query names what stands in it. */
function inOwnWords(error: unknown, target: string): unknown {
  if (!EtlError.isInstance(error) || error.cause === undefined) return error;
  return clickHouseError(error.cause, target, { isOwnQuery: true });
}
