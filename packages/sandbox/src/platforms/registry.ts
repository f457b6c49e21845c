import { EcbPlatform, type EcbOptions } from './ecb/ecb-platform.ts';
import { EsimPlatform, type ExportOptions } from './esim/esim-platform.ts';
import { FacebookPlatform, type FacebookOptions } from './facebook/facebook-platform.ts';
import type { Platform, PlatformContext } from './platform.ts';

/** Options of each platform, by its name. */
export interface PlatformOptions {
  readonly ecb?: EcbOptions;
  readonly esim?: ExportOptions;
  readonly facebook?: FacebookOptions;
}

/** Every platform that can be imitated. The name is the first part of its paths. */
export const PLATFORMS = {
  ecb: (context, options) => new EcbPlatform(context, options.ecb),
  esim: (context, options) => new EsimPlatform(context, options.esim),
  facebook: (context, options) => new FacebookPlatform(context, options.facebook),
} as const satisfies Record<string, (context: PlatformContext, options: PlatformOptions) => Platform>;

export type PlatformName = keyof typeof PLATFORMS;

export const PLATFORM_NAMES = Object.keys(PLATFORMS) as PlatformName[];
