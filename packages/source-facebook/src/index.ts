export { facebook } from './facebook.ts';
export { DEFAULT_FIELDS as DEFAULT_INSIGHT_FIELDS } from './insight-fields.ts';
export type { InsightField } from './insight-fields.ts';
export { facebookOptionsSchema } from './options.ts';
export type { FacebookOptions } from './options.ts';
export { VERSION } from './version.ts';
