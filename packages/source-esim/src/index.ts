export { esim } from './esim.ts';
export { esimOptionsSchema } from './options.ts';
export type { EsimOptions } from './options.ts';
export { VERSION } from './version.ts';
