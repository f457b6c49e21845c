import { describe } from 'vitest';
import { describePackage } from '../src/index.ts';

// What cannot depend on the kit is looked at from here; connectors do it themselves.
describe('@etl/core', () => {
  describePackage(new URL('../../core', import.meta.url), { importMs: 400 });
});
describe('@etl/sandbox', () => {
  describePackage(new URL('../../sandbox', import.meta.url));
});
describe('@etl/testing', () => {
  describePackage(new URL('..', import.meta.url), { importMs: 2000, readsEnvironment: true });
});
