export { esim } from './esim.ts';
export { esimOptionsSchema } from './options.ts';
export type { EsimOptions } from './options.ts';
