import { EtlError } from '@etl/core/errors';
import { join, relative, resolve } from 'node:path';
import { didYouMean } from './did-you-mean.ts';
import type { Redactor } from './redactor.ts';
import { isSet } from './terminal.ts';

/** The destinations by name: their variables in the environment and their databases. */
export const DESTINATIONS = {
  clickhouse: { variable: 'CLICKHOUSE', database: 'travel' },
  clickhouse_esim: { variable: 'CLICKHOUSE_ESIM', database: 'esim_db' },
  clickhouse_dashboard: { variable: 'CLICKHOUSE_DASHBOARD', database: 'dashboard' },
} as const;

export type DestinationName = keyof typeof DESTINATIONS;

export const DESTINATION_NAMES = Object.keys(DESTINATIONS) as readonly DestinationName[];

/** Where one destination is, as `clickhouse()` and `openClickHouse()` take it. */
export type DestinationAddress = (
  | {
      readonly url: string;
      readonly username?: string;
      readonly password?: string;
      readonly database: string;
    }
  | { readonly path: string; readonly database: string }
) & {
  /** Longest wait for one statement; absent: the destination's own. */
  readonly requestTimeoutMs?: number;
};

export interface ResolvedDestination {
  readonly name: string;
  readonly address: DestinationAddress;
  /** Names the place to people, without credentials: `clickhouse travel at host:8443`. */
  readonly label: string;
}

export interface DestinationChoice {
  readonly env: NodeJS.ProcessEnv;
  readonly redactor: Redactor;
  /** Use the embedded database whatever the environment says. */
  readonly embedded?: boolean | undefined;
  /** Names that the caller knows besides, for people who mistype one. */
  readonly others?: readonly string[];
}

/** Says where a named destination is. @throws a `config` error when the environment does not say it. */
export function resolveDestination(name: string, choice: DestinationChoice): ResolvedDestination {
  if (!isDestinationName(name)) throw unknownDestination(name, [...DESTINATION_NAMES, ...(choice.others ?? [])]);
  const { variable, database } = DESTINATIONS[name];
  const url = choice.env[`${variable}_URL`]?.trim();
  if (choice.embedded !== true && url !== undefined && url !== '') {
    return serverDestination(name, url, choice);
  }
  if (choice.embedded !== true && isSet(choice.env['CI'])) {
    throw new EtlError({
      code: 'DESTINATION_URL_MISSING',
      kind: 'config',
      message: `${variable}_URL is not set, and an embedded database on the disk of a CI runner would be lost with it.`,
      hint: `Set ${variable}_URL (and ${variable}_USER, ${variable}_PASSWORD), or give --embedded when a throw-away database is what you want.`,
    });
  }
  return embeddedDestination(name, join(dataDirectory(choice.env), 'clickhouse'), database);
}

/** The database that the demo leaves behind. */
export function demoDestination(env: NodeJS.ProcessEnv): ResolvedDestination {
  return embeddedDestination('demo', join(dataDirectory(env), 'demo'), DESTINATIONS.clickhouse.database);
}

/** The directory that holds everything this machine keeps: embedded databases, never secrets. */
export function dataDirectory(env: NodeJS.ProcessEnv): string {
  const configured = env['ETL_DATA_DIR'];
  return resolve(configured === undefined || configured === '' ? '.etl' : configured);
}

function embeddedDestination(name: string, path: string, database: string): ResolvedDestination {
  const shown = relative(process.cwd(), path);
  const label = `${name} ${database}, embedded in ${shown.startsWith('..') ? path : shown}`;
  return { name, address: { path, database }, label };
}

function serverDestination(
  name: DestinationName,
  text: string,
  { env, redactor }: DestinationChoice,
): ResolvedDestination {
  const { variable, database: defaultDatabase } = DESTINATIONS[name];
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    redactor.add(text);
    throw new EtlError({
      code: 'DESTINATION_URL_INVALID',
      kind: 'config',
      message: `${variable}_URL is not the HTTP address of a ClickHouse server.`,
      hint: `Write it like https://host:8443/${defaultDatabase}, percent-encoding special characters of user and password.`,
    });
  }
  const username = decoded(url.username) ?? nonEmpty(env[`${variable}_USER`]);
  const password = decoded(url.password) ?? nonEmpty(env[`${variable}_PASSWORD`]);
  const database = decoded(url.pathname.replace(/^\/|\/$/g, '')) ?? defaultDatabase;
  redactor.add(password);
  redactor.add(url.password);
  return {
    name,
    address: {
      url: url.origin,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      database,
    },
    label: `${name} ${database} at ${url.host}`,
  };
}

function unknownDestination(name: string, names: readonly string[]): EtlError {
  const close = didYouMean(name, names);
  return new EtlError({
    code: 'DESTINATION_UNKNOWN',
    kind: 'config',
    message: `There is no destination ${name}${close === undefined ? '.' : `; did you mean ${close}?`}`,
    hint: `The destinations are ${names.join(', ')}.`,
  });
}

function isDestinationName(name: string): name is DestinationName {
  return Object.hasOwn(DESTINATIONS, name);
}

function decoded(part: string): string | undefined {
  return part === '' ? undefined : decodeURIComponent(part);
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
