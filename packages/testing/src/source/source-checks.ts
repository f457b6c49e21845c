import { checkAbort } from './abort-check.ts';
import { checkCheckpoints } from './checkpoint-check.ts';
import { checkFaults } from './fault-check.ts';
import { checkMemory } from './memory-check.ts';
import { planChecks } from './plan-checks.ts';
import { requestChecks } from './request-checks.ts';
import { checkRestatement } from './restate-check.ts';
import { rowChecks } from './row-checks.ts';
import { checkSecrets } from './secret-check.ts';
import type { SourceCheck } from './source-check.ts';

/** The promises of a sliced source, each by itself: for `describeSource`, and for programs that look whether a bug is seen. */
export const sourceChecks: readonly SourceCheck[] = [
  ...planChecks,
  ...rowChecks,
  ...requestChecks,
  { name: 'goes on from every checkpoint, losing nothing', run: checkCheckpoints },
  { name: 'stops with the reason of the signal, and leaves nothing open', run: checkAbort },
  { name: 'reads again what the platform restated, and nothing that is settled', run: checkRestatement },
  { name: 'ends right or loud whatever meets any request', run: checkFaults },
  { name: 'keeps secrets out of errors, logs, events and records', run: checkSecrets },
  { name: 'gives the same rows with a memory as without', run: checkMemory },
];
