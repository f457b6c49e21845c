import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { probeImport, type ImportProbe } from './import-probe.ts';

export interface PackageOptions {
  /**
   * Modules that must not be loaded before they are used: an SDK that takes a second to import.
   * Optional peers are taken for such.
   */
  readonly lazyModules?: readonly string[];
  /**
   * Longest that importing an entry may take over bare node, in milliseconds of CPU, where
   * Node itself starts in 30 ms of CPU. Where it takes longer, this does in proportion.
   *
   * @default 750
   */
  readonly importMs?: number;
  /** When a process that only imports is taken for one that never ends, in milliseconds. @default 30000 */
  readonly longestMs?: number;
  /** Whether the sources may read `process.env`: a library that is made for tests may. Default: they may not. */
  readonly readsEnvironment?: boolean;
}

/** A manifest, as far as anybody looks at it. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly main?: string;
  readonly module?: string;
  readonly sideEffects?: unknown;
  readonly files?: readonly string[];
  readonly keywords?: readonly string[];
  readonly exports?: Readonly<Record<string, ExportTarget>>;
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, ExportTarget>>; readonly access?: string };
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

export type ExportTarget = string | Readonly<Record<string, string>>;

/** What is imported by a source file, and whether only when the code runs there. */
export interface SourceImport {
  readonly file: string;
  /** Name of the package. */
  readonly name: string;
  readonly isLazy: boolean;
  readonly isTypeOnly: boolean;
}

/** A package in its directory. */
export class PackageUnderTest {
  readonly directory: string;
  readonly options: PackageOptions;
  readonly manifest: Manifest;
  readonly #probes = new Map<string, Promise<ImportProbe>>();

  constructor(directory: string | URL, options: PackageOptions = {}) {
    this.directory = directory instanceof URL ? fileURLToPath(directory) : directory;
    this.options = options;
    this.manifest = JSON.parse(this.#read('package.json') ?? '{}') as Manifest;
  }

  get readme(): string | undefined {
    return this.#read('README.md');
  }

  /** Files that the exports point to, by the name under which they are imported. */
  get entries(): ReadonlyMap<string, string> {
    const { exports: given = {}, name = '' } = this.manifest;
    const entries = Object.entries(given).flatMap(([key, target]) => {
      const file = typeof target === 'string' ? target : (target['import'] ?? target['default']);
      const isCode = file !== undefined && !file.endsWith('.json');
      return isCode ? [[join(name, key), join(this.directory, file)] as const] : [];
    });
    return new Map(entries);
  }

  /** The TypeScript or JavaScript of the package, by path within it. */
  get sources(): ReadonlyMap<string, string> {
    const root = join(this.directory, 'src');
    if (!existsSync(root)) return new Map();
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.[cm]?[jt]s$/.test(file));
    return new Map(files.map((file) => [join('src', file), readFileSync(join(root, file), 'utf8')]));
  }

  /** Packages that the sources import. */
  get imports(): readonly SourceImport[] {
    return [...this.sources].flatMap(([file, text]) => importsOf(file, withoutComments(text)));
  }

  /** What importing an entry does, in a process of its own; asked once. */
  probe(entry: string): Promise<ImportProbe> {
    const known = this.#probes.get(entry) ?? probeImport(entry, this.options.longestMs);
    this.#probes.set(entry, known);
    return known;
  }

  #read(file: string): string | undefined {
    const path = join(this.directory, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }
}

/** Comments may show what code must not do. */
export function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
}

function importsOf(file: string, text: string): readonly SourceImport[] {
  const found: SourceImport[] = [];
  const add = (specifier: string | undefined, isLazy: boolean, isTypeOnly: boolean): void => {
    if (specifier === undefined || /^(\.|\/|node:|#)/.test(specifier)) return;
    const name = specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/');
    found.push({ file, name, isLazy, isTypeOnly });
  };
  for (const [, type, specifier] of text.matchAll(
    /^(?:import|export)\s+(type\s)?[\w*{}\s,$]*?from\s*['"]([^'"]+)['"]/gm,
  ))
    add(specifier, false, type !== undefined);
  for (const [, specifier] of text.matchAll(/^import\s*['"]([^'"]+)['"]/gm)) add(specifier, false, false);
  for (const [, specifier] of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) add(specifier, true, false);
  return found;
}
