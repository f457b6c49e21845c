import type { ReplicationFixture, UpstreamChange, UpstreamTable } from './replication-fixture.ts';
import { Replica } from './replica.ts';

/** One promise of a source that is a log; `run` rejects when the source of the fixture breaks it. */
export interface ReplicationCheck {
  readonly name: string;
  run(fixture: ReplicationFixture): Promise<void>;
}

/** A promise that is looked at through runs into a copy. */
export function replicaCheck(name: string, work: (replica: Replica) => Promise<void>): ReplicationCheck {
  return { name, run: (fixture) => work(new Replica(fixture)) };
}

/** Rows with the ids from `first` on, all with one note. */
export function inserts(
  table: UpstreamTable,
  first: number,
  count: number,
  note: string | null,
): readonly UpstreamChange[] {
  return Array.from({ length: count }, (_, index) => ({ type: 'insert', table, id: first + index, note }));
}
