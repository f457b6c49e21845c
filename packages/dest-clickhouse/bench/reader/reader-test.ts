import { join } from 'node:path';
import { openClickHouse, type ClickHouseReader } from '../../src/index.ts';
import { ChildProgram } from '../child-program.ts';
import { EngineFront } from '../engine-front.ts';
import { readRows } from '../read-rows.ts';
import { isState, pollsOf, signaturesOf, type PollName, type Signatures, type StreamName } from './history.ts';

export interface ReaderOptions {
  readonly loads: number;
  readonly seed: number;
  /** See {@link pollsOf}. */
  readonly dawdleMs?: number;
  readonly onLoad?: (position: number) => void;
}

export interface PollCounts {
  polls: number;
  /** Polls under way while a statement was carried out that changes what a reader sees. */
  overlapping: number;
  /** Of the overlapping ones: those that saw the table as it was before, and as it was after. */
  sawOld: number;
  sawNew: number;
}

export interface ReaderReport {
  readonly seed: number;
  readonly loads: number;
  readonly publishes: number;
  readonly counts: Readonly<Record<PollName, PollCounts>>;
  /** Answers that were no state of the table, or of parent and children together. */
  readonly wrong: readonly string[];
  readonly mutations: number;
}

/** Statements that change what a reader sees. */
const PUBLISHING = /ATTACH PARTITION ALL|CREATE OR REPLACE VIEW|DROP TABLE IF EXISTS `travel`\.`_raw_/;

/** When statements of the loader that change what a reader sees were under way. */
class PublishLog {
  #open: number | undefined;
  #last = { start: -1, end: -1 };
  count = 0;

  /** Every statement of the loader, in order: the next one ends the one before. */
  note(statement: string): void {
    const now = performance.now();
    if (this.#open !== undefined) this.#last = { start: this.#open, end: now };
    this.#open = undefined;
    if (!PUBLISHING.test(statement)) return;
    this.#open = now;
    this.count += 1;
  }

  overlaps(start: number, end: number): boolean {
    if (this.#open !== undefined && this.#open <= end) return true;
    return this.#last.start <= end && this.#last.end >= start;
  }
}

/**
 * Reads three tables and their children again and again, on a connection of its own, while another
 * process replaces scopes, upserts with deletions and replaces a whole table. Every answer must be
 * the state after one load: not before the last one that had committed when the poll began, and not
 * after the last one begun when it ended.
 */
export async function readerTest({ loads, seed, dawdleMs = 5, onLoad }: ReaderOptions): Promise<ReaderReport> {
  const polls = pollsOf(dawdleMs);
  const signatures = signaturesOf(seed, loads);
  const log = new PublishLog();
  await using front = new EngineFront();
  const loaderDoor = await front.openDoor((statement) => {
    log.note(statement);
    return undefined;
  });
  const readerDoor = await front.openDoor();
  const wrong: string[] = [];
  const names = Object.keys(polls) as PollName[];
  const empty = (): PollCounts => ({ polls: 0, overlapping: 0, sawOld: 0, sawNew: 0 });
  const counts = Object.fromEntries(names.map((name) => [name, empty()])) as Record<PollName, PollCounts>;
  const at = { begun: 0, committed: 0 };
  const over = new AbortController();
  const loader = new ChildProgram(
    join(import.meta.dirname, 'loader.ts'),
    [loaderDoor.url, String(seed), String(loads)],
    (message) => {
      at[message['type'] as 'begun' | 'committed'] = Number(message['position']);
      if (message['type'] === 'committed') onLoad?.(at.committed);
    },
  );
  const watch = async (): Promise<void> => {
    const end = await loader.ended;
    over.abort();
    if (end.code !== 0) wrong.push(`the loader ended with ${end.code}: ${end.errors}`);
  };
  const ended = watch();
  await using reader = await openClickHouse({ url: readerDoor.url, database: 'travel' });
  const seen = new Map<string, number>();
  while (!over.signal.aborted && wrong.length < 10) {
    // The first load makes the tables; from then on they must always be there.
    if (at.committed === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    for (const name of names) await pollOnce(name);
  }
  if (wrong.length >= 10) loader.kill();
  await ended;
  if (wrong.length === 0) for (const name of names) await pollOnce(name);
  const mutations = (await readRows(reader, 'SELECT * FROM system.mutations')).length;
  return { seed, loads: at.committed, publishes: log.count, counts, wrong, mutations };

  async function pollOnce(name: PollName): Promise<void> {
    const table = name.split(/__| /)[0] as StreamName;
    const earliest = Math.max(at.committed, seen.get(table) ?? 0);
    const start = performance.now();
    const answer = await ask(reader, polls[name]);
    const end = performance.now();
    const state = find(signatures, table, name, answer, earliest, at.begun);
    const count = counts[name];
    count.polls += 1;
    if (state === undefined) {
      const found = `${name} between load ${earliest} and ${at.begun}: ${answer.trim()}`;
      wrong.push(found);
      return;
    }
    seen.set(table, state);
    if (!log.overlaps(start, end)) return;
    count.overlapping += 1;
    if (signatures[table][at.begun] === signatures[table][at.begun - 1]) return;
    if (isState(name, answer, signatures[table][at.begun] ?? '')) count.sawNew += 1;
    else count.sawOld += 1;
  }
}

async function ask(reader: ClickHouseReader, sql: string): Promise<string> {
  let text = '';
  for await (const chunk of reader.query(sql)) text += Buffer.from(chunk).toString('utf8');
  return text;
}

/** The load after which the table was as the answer says; `undefined` when it never was so in that time. */
function find(
  signatures: Signatures,
  table: StreamName,
  name: PollName,
  answer: string,
  earliest: number,
  latest: number,
): number | undefined {
  for (let position = earliest; position <= latest; position += 1) {
    if (isState(name, answer, signatures[table][position] ?? '')) return position;
  }
  return undefined;
}
