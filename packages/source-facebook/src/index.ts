export { facebook } from './facebook.ts';
export { facebookOptionsSchema } from './options.ts';
export type { FacebookOptions } from './options.ts';
export { VERSION } from './version.ts';
