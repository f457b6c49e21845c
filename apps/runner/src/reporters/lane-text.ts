import type { PipelineEvent } from '@etl/core';
import { duration } from '../quantity.ts';
import { clockTime } from './clock-time.ts';

type LaneParked = Extract<PipelineEvent, { type: 'lane-parked' }>;

/** Why a lane waits, and until when: `insights lane 9913: quota used up, free again at 06:12 (4 m 0 s); the others go on`. */
export function laneParkedText({ stream, lane, error }: LaneParked, now: Date = new Date()): string {
  const what = lane.startsWith('stream ') ? stream : `${stream} ${lane}`;
  const { retryAfterMs } = error;
  // The end of the run says why, once.
  if (retryAfterMs === undefined) return `${what}: its rest waits for another run (${error.code}), the others go on`;
  const until = `free again at ${clockTime(new Date(now.getTime() + retryAfterMs), now)} (in ${duration(retryAfterMs)})`;
  return `${what}: ${error.message.replace(/\.$/, '')}; ${until}, the others go on`;
}
