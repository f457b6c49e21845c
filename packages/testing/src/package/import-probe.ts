import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What happened when a module was imported by a bare node. */
export interface ImportProbe {
  /** CPU that the import took, in milliseconds: wall time says more about the machine than about the module. */
  readonly cpuMs: number;
  /** CPU that Node itself took to start, in the same process: how fast the machine was just then. */
  readonly startMs: number;
  /** Names that the module exports. */
  readonly names: readonly string[];
  /** URLs of everything that was loaded. */
  readonly loaded: readonly string[];
  /** Global names that were not there before; those of registries that libraries share (`__…`) left out. */
  readonly globals: readonly string[];
  /** What was written to the terminal. */
  readonly output: string;
  /** Whether the process ended by itself. */
  readonly hasEnded: boolean;
}

const MARK = '\u0001probe ';
const ATTEMPTS = 3;

// Written as data, so that it needs nothing of a loader.
const PROGRAM = `
import { registerHooks } from 'node:module';
const loaded = [];
const hooks = registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
const before = new Set(Object.getOwnPropertyNames(globalThis));
const start = process.cpuUsage();
const module = await import(process.argv[1]);
const { user, system } = process.cpuUsage(start);
hooks.deregister();
const globals = Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name) && !name.startsWith('__'));
const startMs = (start.user + start.system) / 1000;
const found = { cpuMs: (user + system) / 1000, startMs, names: Object.keys(module), loaded, globals };
process.stdout.write('${MARK}' + JSON.stringify(found) + '\\n');
`;

/** Imports a file in a new process, several times: the quickest counts. */
export async function probeImport(file: string, longestMs = 30_000): Promise<ImportProbe> {
  const probes: ImportProbe[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const probe = await probeOnce(file, longestMs);
    probes.push(probe);
    if (!probe.hasEnded) return probe;
  }
  const [quickest] = probes.toSorted((a, b) => a.cpuMs / a.startMs - b.cpuMs / b.startMs);
  if (quickest === undefined) throw new Error('nothing was probed');
  return quickest;
}

async function probeOnce(file: string, longestMs: number): Promise<ImportProbe> {
  const url = pathToFileURL(file).href;
  const parameters = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', PROGRAM, url];
  let hasEnded = true;
  const { stdout, stderr } = await run(process.execPath, parameters, {
    timeout: longestMs,
    env: bareEnvironment(),
  }).catch((error: Error & { killed?: boolean; stdout?: string; stderr?: string }) => {
    if (error.killed !== true) throw new Error(`Importing ${file} failed: ${error.stderr ?? error.message}`);
    hasEnded = false;
    return { stdout: error.stdout ?? '', stderr: error.stderr ?? '' };
  });
  const at = stdout.indexOf(MARK);
  if (at < 0) throw new Error(`Importing ${file} did not come back: ${stderr}`);
  const end = stdout.indexOf('\n', at);
  const found = JSON.parse(stdout.slice(at + MARK.length, end)) as Omit<ImportProbe, 'output' | 'hasEnded'>;
  return { ...found, hasEnded, output: `${stdout.slice(0, at)}${stdout.slice(end + 1)}${stderr}` };
}

/** What a test runner sets is not what a user has. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(HOME === undefined ? {} : { HOME }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
  };
}
