export { decimal } from './decimal.ts';
