import { existsSync } from 'node:fs';
import { EtlError } from '@etl/core/errors';
import type { Command } from '../command-context.ts';
import { demoDestination, resolveDestination, type ResolvedDestination } from '../destinations.ts';
import { EXIT_OK } from '../exit-code.ts';
import { lockWaitMs } from '../lock-wait.ts';

export interface SqlOptions {
  readonly destination: string;
  readonly format?: string;
  readonly json?: boolean;
  readonly embedded?: boolean;
}

/** `etl sql`: one query at one destination, its result on stdout as it arrives. */
export function runSql(query: string, options: SqlOptions): Command {
  return async ({ env, redactor, signal, logger }) => {
    const { address, label } =
      options.destination === 'demo'
        ? existingDemo(demoDestination(env))
        : resolveDestination(options.destination, { env, redactor, embedded: options.embedded, others: ['demo'] });
    const { openClickHouse } = await import('@etl/dest-clickhouse');
    const waitMs = lockWaitMs(env);
    const clickHouse = await openClickHouse(
      { ...address, ...(waitMs === undefined ? {} : { lockWaitMs: waitMs }) },
      { signal, logger },
    );
    try {
      const format = options.json === true ? 'JSON' : (options.format ?? defaultFormat());
      for await (const chunk of clickHouse.query(query, { format, signal })) await writeOut(chunk);
      return EXIT_OK;
    } catch (error) {
      throw refusedQuery(error, { database: address.database, label });
    } finally {
      await clickHouse[Symbol.asyncDispose]();
    }
  };
}

function defaultFormat(): string {
  return process.stdout.isTTY ? 'PrettyCompactMonoBlock' : 'TSVWithNames';
}

/** What the loader never sends is a defect there; a query of a person's own is only mistyped, or too early. */
function refusedQuery(error: unknown, { database, label }: { database: string; label: string }): unknown {
  if (!EtlError.isInstance(error)) return error;
  if (error.code === 'CLICKHOUSE_DATABASE_MISSING') {
    return new EtlError({
      code: error.code,
      kind: error.kind,
      message: error.message,
      hint: `The first run makes the database: load something first (etl run <platform> <group>) into ${label}; SHOW DATABASES lists what is there.`,
      cause: error,
    });
  }
  if (error.kind !== 'internal') return error;
  return new EtlError({
    code: 'SQL_REFUSED',
    kind: 'data',
    message: error.message,
    hint: `Correct the query; SHOW TABLES FROM ${database} lists the tables.`,
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
