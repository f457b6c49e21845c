import { describePackage } from '@etl/testing';

describePackage(new URL('..', import.meta.url), { lazyModules: ['facebook-nodejs-business-sdk'] });
