import { existsSync } from 'node:fs';
import { EtlError } from '@etl/core';
import type { Command } from '../command-context.ts';
import { demoDestination, resolveDestination, type ResolvedDestination } from '../destinations.ts';
import { EXIT_OK } from '../exit-code.ts';
import { lockWaitMs } from '../lock-wait.ts';

export interface SqlOptions {
  readonly destination: string;
  readonly format?: string;
  readonly embedded?: boolean;
}

/** `etl sql`: one query at one destination, its result on stdout as it arrives. */
export function runSql(query: string, options: SqlOptions): Command {
  return async ({ env, redactor, signal, logger }) => {
    const { address } =
      options.destination === 'demo'
        ? existingDemo(demoDestination(env))
        : resolveDestination(options.destination, { env, redactor, embedded: options.embedded });
    const { openClickHouse } = await import('@etl/dest-clickhouse');
    const waitMs = lockWaitMs(env);
    const clickHouse = await openClickHouse(
      { ...address, ...(waitMs === undefined ? {} : { lockWaitMs: waitMs }) },
      { signal, logger },
    );
    try {
      const format = options.format ?? (process.stdout.isTTY ? 'PrettyCompactMonoBlock' : 'TSVWithNames');
      for await (const chunk of clickHouse.query(query, { format, signal })) await writeOut(chunk);
      return EXIT_OK;
    } catch (error) {
      throw refusedQuery(error);
    } finally {
      await clickHouse[Symbol.asyncDispose]();
    }
  };
}

/** What the loader never sends is a defect there; a query of a person's own is only mistyped. */
function refusedQuery(error: unknown): unknown {
  if (!EtlError.isInstance(error) || error.kind !== 'internal') return error;
  return new EtlError({
    code: 'SQL_REFUSED',
    kind: 'data',
    message: error.message,
    hint: 'Correct the query; SHOW TABLES FROM travel lists the tables.',
    cause: error,
  });
}

function existingDemo(demo: ResolvedDestination): ResolvedDestination {
  if ('path' in demo.address && existsSync(demo.address.path)) return demo;
  throw new EtlError({
    code: 'DEMO_MISSING',
    kind: 'config',
    message: 'There is no demo database yet.',
    hint: 'Make it with npm start (or etl demo), from the directory in which you are now.',
  });
}

/** Waits for a slow reader, so that a large result is never held in memory. */
async function writeOut(chunk: Uint8Array): Promise<void> {
  if (process.stdout.write(chunk)) return;
  await new Promise<void>((resolve) => {
    process.stdout.once('drain', resolve);
  });
}
