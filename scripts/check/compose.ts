import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { capture } from './run.ts';

interface Service {
  image?: string;
  environment?: Record<string, string | number>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: unknown;
  depends_on?: Record<string, { condition?: string }>;
}

interface Compose {
  services: Record<string, Service>;
  volumes?: Record<string, unknown>;
}

const SECRET_NAME = /PASSWORD|SECRET|TOKEN|KEY/;
const REQUIRED_VARIABLE = /^\$\{(\w+):\?[^}]+\}$/;

export function composeProblems(text: string, exampleEnvironment: string): string[] {
  const { services, volumes = {} } = parse(text, { strict: true }) as Compose;
  const problems = Object.entries(services).flatMap(([name, service]) =>
    [...serviceProblems(service, services), ...volumeProblems(service, volumes)].map(
      (problem) => `service ${name} ${problem}`,
    ),
  );
  for (const [, name] of text.matchAll(/\$\{(\w+)/g)) {
    if (!new RegExp(`^(?:# )?${name}=`, 'm').test(exampleEnvironment))
      problems.push(`${name} is not explained in .env.example`);
  }
  for (const [, name, value] of exampleEnvironment.matchAll(/^(?:# )?(\w+)=(.*)$/gm)) {
    if (SECRET_NAME.test(name ?? '') && value !== '') problems.push(`.env.example has a value for ${name}`);
  }
  return problems;
}

function serviceProblems(service: Service, services: Record<string, Service>): string[] {
  const problems: string[] = [];
  if (!/:v?\d+(?:\.\d+)*$/.test(service.image ?? '')) problems.push('has an image without a version');
  if (service.healthcheck === undefined) problems.push('has no health check');
  for (const [name, value] of Object.entries(service.environment ?? {})) {
    if (SECRET_NAME.test(name) && !REQUIRED_VARIABLE.test(String(value)))
      problems.push(`does not take ${name} from \${…:?message}`);
  }
  for (const port of service.ports ?? []) {
    if (!port.startsWith('127.0.0.1:')) problems.push(`opens port ${port} to the network`);
  }
  for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
    if (!(name in services)) problems.push(`depends on ${name}, which is not there`);
    if (condition !== 'service_healthy') problems.push(`does not wait until ${name} is healthy`);
  }
  return problems;
}

function volumeProblems(service: Service, volumes: Record<string, unknown>): string[] {
  const names = (service.volumes ?? []).map((volume) => volume.split(':')[0] ?? '');
  return names
    .filter((name) => !name.startsWith('.') && !(name in volumes))
    .map((name) => `uses volume ${name}, which is not declared`);
}

export async function checkCompose(): Promise<string[]> {
  const problems = composeProblems(readFileSync('docker-compose.yml', 'utf8'), readFileSync('.env.example', 'utf8'));
  return [...problems, ...(await dockerProblems())];
}

/** What Docker says, where it is installed with its compose plugin; it needs no running engine for that. */
async function dockerProblems(): Promise<string[]> {
  const environment = ['CLICKHOUSE_PASSWORD=any', 'POSTGRES_PASSWORD=any'];
  const version = await capture('docker', 'compose', 'version').catch(() => undefined);
  if (version?.exitCode !== 0) return [];
  const { exitCode, output } = await capture(
    'env',
    ...environment,
    'docker',
    'compose',
    '--profile',
    'metabase',
    'config',
    '--quiet',
  );
  return exitCode === 0 ? [] : [output.trim()];
}
