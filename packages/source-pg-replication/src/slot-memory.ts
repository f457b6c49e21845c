import type { SourceReadRequest } from '@etl/core';
import { stateMissing } from './slot-error.ts';
import type { SlotFacts } from './slot.ts';

const KEY = 'slot';

type Memory = Pick<SourceReadRequest, 'memory'>;

/**
 * Remembers at the destination that the slot is read into it, before the slot is made: a run that is killed
 * between the two is gone on from, and nobody else's slot is taken for one's own.
 */
export async function rememberSlot({ memory }: Memory, slot: string, systemIdentifier: string): Promise<void> {
  await memory?.('').set(KEY, { slot, system_identifier: systemIdentifier });
}

/**
 * Proves that a slot without a stored position is read into this destination. To go on would move the slot
 * of another destination, which would then have a gap.
 *
 * @throws `PG_STATE_MISSING` (state).
 */
export async function requireKnownSlot(
  { memory }: Memory,
  name: string,
  { confirmedLsn }: SlotFacts,
  systemIdentifier: string,
): Promise<void> {
  if (memory === undefined) return;
  const known = (await memory('').get(KEY)) as { slot?: string; system_identifier?: string } | undefined;
  if (known?.slot === name && known.system_identifier === systemIdentifier) return;
  throw stateMissing(name, confirmedLsn);
}
