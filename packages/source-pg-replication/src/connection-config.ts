import { readFileSync } from 'node:fs';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { EtlError } from '@etl/core';

/** How a server is reached. */
export interface ConnectionConfig {
  /** Without the parameters that concern TLS. */
  readonly connectionString: string;
  /** TLS settings to try, in order; `false` is a plain connection. */
  readonly tls: readonly (ConnectionOptions | false)[];
  /** Server settings that the URL asks for (`options`), empty when none. */
  readonly serverOptions: string;
  /** Host, port and database, for messages. */
  readonly label: string;
}

type FileParameter = 'sslrootcert' | 'sslcert' | 'sslkey';

const OWN_PARAMETERS = [
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'ssl',
  'uselibpqcompat',
  'options',
  'replication',
];

/**
 * Reads a connection URL. `sslmode` has libpq's meanings, which are not those of `pg`:
 *
 * | sslmode | encrypted | certificate chain | host name |
 * |---|---|---|---|
 * | `disable` | no | | |
 * | `allow`, `prefer` (default) | if the server can | not checked | not checked |
 * | `require` | yes | checked if `sslrootcert` is given | not checked |
 * | `verify-ca` | yes | checked | not checked; checked without `sslrootcert`, as any public authority would do |
 * | `verify-full` | yes | checked | checked |
 *
 * `sslrootcert=system` is Node's own list of authorities, and so is its absence.
 */
export function connectionConfig(connectionString: string): ConnectionConfig {
  const url = parseUrl(connectionString);
  const parameter = (name: string): string | undefined => url.searchParams.get(name) ?? undefined;
  const mode = parameter('sslmode') ?? (parameter('ssl') === 'true' ? 'require' : 'prefer');
  const tls = tlsOf(mode, parameter);
  const serverOptions = parameter('options') ?? '';
  for (const name of OWN_PARAMETERS) url.searchParams.delete(name);
  const host = url.hostname || parameter('host') || 'localhost';
  const label = `${host}:${url.port || parameter('port') || '5432'}${url.pathname}`;
  return { connectionString: url.toString(), tls, serverOptions, label };
}

function parseUrl(text: string): URL {
  try {
    // A URL without a host is legal for a socket directory given as ?host=.
    const url = new URL(text);
    // Behind the host it can only be of a password with a slash in it, the rest of which would be taken for the host.
    const isCut = url.pathname.includes('@');
    if (/^postgres(ql)?:$/.test(url.protocol) && !isCut) return url;
  } catch {
    // The reason would repeat the input, password included.
  }
  throw invalid('is not a URL of the form postgres://user:password@host:port/database');
}

function tlsOf(mode: string, parameter: (name: string) => string | undefined): readonly (ConnectionOptions | false)[] {
  const read = (name: FileParameter): string | undefined => {
    const path = parameter(name);
    if (path === undefined || path === 'system') return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw invalid(`names a file for ${name} that cannot be read`, cause);
    }
  };
  if (mode === 'disable') return [false];
  const ca = read('sslrootcert');
  const cert = read('sslcert');
  const key = read('sslkey');
  const base: ConnectionOptions = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const unchecked: ConnectionOptions = { ...base, rejectUnauthorized: false };
  const chain: ConnectionOptions = { ...base, rejectUnauthorized: true, checkServerIdentity: () => undefined };
  const full: ConnectionOptions = { ...base, rejectUnauthorized: true, checkServerIdentity };
  switch (mode) {
    case 'allow':
    case 'prefer':
      return [unchecked, false];
    case 'require':
    case 'no-verify':
      return [ca === undefined || mode === 'no-verify' ? unchecked : chain];
    case 'verify-ca':
      return [ca === undefined ? full : chain];
    case 'verify-full':
      return [full];
    default:
      throw invalid('has an unknown sslmode');
  }
}

function invalid(what: string, cause?: unknown): EtlError {
  return new EtlError({
    code: 'PG_CONNECTION_STRING_INVALID',
    kind: 'config',
    message: `The connection string ${what}.`,
    hint: 'Percent-encode special characters of user and password.',
    // The cause of a file that cannot be read names a path, never the connection string.
    ...(cause === undefined ? {} : { cause }),
  });
}
