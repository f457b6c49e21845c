import { binaryChecks } from './binary-checks.ts';
import type { DestinationCheck } from './destination-check.ts';
import { loadChecks } from './load-checks.ts';
import { recordChecks } from './record-checks.ts';
import { schemaChecks } from './schema-checks.ts';
import { sharingChecks } from './sharing-checks.ts';
import { sliceChecks } from './slice-checks.ts';
import { textChecks } from './text-checks.ts';
import { valueChecks } from './value-checks.ts';

/** The promises of a destination, each by itself: for `describeDestination`, and for programs. */
export const destinationChecks: readonly DestinationCheck[] = [
  ...loadChecks,
  ...sliceChecks,
  ...schemaChecks,
  ...recordChecks,
  ...valueChecks,
  ...textChecks,
  ...binaryChecks,
  ...sharingChecks,
];
