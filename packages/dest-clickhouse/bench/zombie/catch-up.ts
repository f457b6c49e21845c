import type { DestinationSession } from '@etl/core';
import { loadStep, positionOf } from '../kill/load-step.ts';

/** Loads every step between the stored position and `target`, each as one load; returns how many. */
export async function catchUp(session: DestinationSession, seed: number, target: number): Promise<number> {
  let loads = 0;
  for (let position = (await positionOf(session)) + 1; position <= target; position += 1) {
    await loadStep(session, seed, position);
    loads += 1;
  }
  return loads;
}
