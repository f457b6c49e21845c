import { join } from 'node:path';
import type { ClickHouseReader } from '../../src/index.ts';
import { ChildProgram } from '../child-program.ts';
import { readRows } from '../read-rows.ts';
import { settle } from './measure.ts';

export interface Watched {
  /** Polls under way while the work was. */
  readonly polls: number;
  /** Of these: what saw the table as it was before, as it is now, and neither. */
  readonly old: number;
  readonly new: number;
  readonly wrong: number;
}

export const NOTHING_WATCHED: Watched = { polls: 0, old: 0, new: 0, wrong: 0 };

export function added(one: Watched, other: Watched): Watched {
  return {
    polls: one.polls + other.polls,
    old: one.old + other.old,
    new: one.new + other.new,
    wrong: one.wrong + other.wrong,
  };
}

/** Lets another process ask for the state of tables again and again, over HTTP, while work is done. */
export async function watch(
  reader: ClickHouseReader,
  url: string,
  polls: readonly string[],
  work: () => Promise<void>,
): Promise<Watched> {
  await settle(reader);
  const ask = (): Promise<string[]> =>
    Promise.all(polls.map(async (sql) => JSON.stringify(await readRows(reader, sql))));
  const before = await ask();
  const seen: { readonly poll: number; readonly start: number; readonly end: number; readonly state: string }[] = [];
  let onAnswer = (): void => undefined;
  const program = new ChildProgram(join(import.meta.dirname, 'poller.ts'), [url, ...polls], (message) => {
    seen.push(message as unknown as (typeof seen)[number]);
    onAnswer();
  });
  const failed = program.ended.then(({ errors }) => {
    throw new Error(`the reader ended: ${errors}`);
  });
  failed.catch(() => undefined);
  const answered = (count: number): Promise<void> =>
    new Promise((resolve) => (onAnswer = () => void (seen.length >= count && resolve())));
  await Promise.race([answered(4 * polls.length), failed]);
  const now = (): number => performance.timeOrigin + performance.now();
  const start = now();
  await Promise.race([work(), failed]);
  const end = now();
  await Promise.race([answered(seen.length + 2 * polls.length), failed]);
  program.kill();
  await program.ended;
  const after = await ask();
  const overlapping = seen.filter((answer) => answer.start < end && answer.end > start);
  const isOld = ({ poll, state }: (typeof seen)[number]): boolean => state === before[poll];
  const isNew = ({ poll, state }: (typeof seen)[number]): boolean => state === after[poll];
  return {
    polls: overlapping.length,
    old: overlapping.filter(isOld).length,
    new: overlapping.filter((answer) => !isOld(answer) && isNew(answer)).length,
    wrong: overlapping.filter((answer) => !isOld(answer) && !isNew(answer)).length,
  };
}
