const SECONDS_WITHIN_MS = 600_000;

/**
 * A moment to come, in the time zone of this machine: `06:12:40` when it is near, `06:13` later, `2026-11-30 06:13`
 * on another day. Never before the moment itself.
 */
export function clockTime(moment: Date, now: Date): string {
  const isNear = moment.getTime() - now.getTime() < SECONDS_WITHIN_MS;
  const unit = isNear ? 1000 : 60_000;
  const shown = new Date(Math.ceil(moment.getTime() / unit) * unit);
  const time = shown.toTimeString().slice(0, isNear ? 8 : 5);
  return dayOf(shown) === dayOf(now) ? time : `${dayOf(shown)} ${time}`;
}

function dayOf(moment: Date): string {
  const [month, day] = [moment.getMonth() + 1, moment.getDate()].map((part) => String(part).padStart(2, '0'));
  return `${moment.getFullYear()}-${month}-${day}`;
}
