import type { Platform } from './platform.ts';
import { didYouMean } from './did-you-mean.ts';
import { UsageError } from './usage-error.ts';

export interface RegistryEntry {
  /** What `etl --help` says of it. */
  readonly title: string;
  /** Imported when the platform is used, never before: SDKs are large. */
  readonly load: () => Promise<Platform>;
}

const REGISTRY: Record<string, RegistryEntry> = {
  esim: { title: 'eSIM export API', load: async () => (await import('./platforms/esim.ts')).esimPlatform },
  facebook: {
    title: 'Facebook ad accounts: insights, campaigns, ad sets, ads, creatives',
    load: async () => (await import('./platforms/facebook.ts')).facebookPlatform,
  },
  esim_facebook: {
    title: 'the same for the eSIM business',
    load: async () => (await import('./platforms/facebook.ts')).esimFacebookPlatform,
  },
  subscription_facebook: {
    title: 'the same for subscriptions, with conversions',
    load: async () => (await import('./platforms/facebook.ts')).subscriptionFacebookPlatform,
  },
  pg: {
    title: 'PostgreSQL tables through logical replication',
    load: async () => (await import('./platforms/pg.ts')).pgPlatform,
  },
};

/** Adds a platform, or puts one in the place of another. */
export function registerPlatform(name: string, entry: RegistryEntry): void {
  REGISTRY[name] = entry;
}

export function platformNames(): readonly string[] {
  return Object.keys(REGISTRY);
}

export function platformTitles(): ReadonlyMap<string, string> {
  return new Map(Object.entries(REGISTRY).map(([name, { title }]) => [name, title]));
}

/** @throws `PLATFORM_UNKNOWN`, naming the platforms that exist. */
export async function loadPlatform(name: string): Promise<Platform> {
  if (Object.hasOwn(REGISTRY, name)) return REGISTRY[name]!.load();
  const close = didYouMean(name, platformNames());
  throw new UsageError({
    code: 'PLATFORM_UNKNOWN',
    message: `There is no platform ${name}${close === undefined ? '.' : `; did you mean ${close}?`}`,
    hint: `The platforms are: ${platformNames().join(', ')}.`,
  });
}
