import { deepStrictEqual, equal } from 'node:assert/strict';
import {
  EtlError,
  runPipeline,
  type Destination,
  type PipelineReport,
  type Row,
  type Source,
  type StateEntry,
} from '@etl/core';
import type { DestinationFixture } from '../destination-fixture.ts';
import { faultyDestination, type DestinationCall } from '../faulty-destination.ts';
import { faultySource, type SourceCall } from '../faulty-source.ts';
import { canonicalRow } from '../rows/canonical-value.ts';
import type { CrashFault, CrashStep } from './crash-step.ts';
import type { CrashWorld } from './crash-world.ts';

const PIPELINE = 'p';

/** Mistakes to be made on purpose, to see whether they would be noticed. */
export interface CrashWrappers {
  readonly source?: (source: Source) => Source;
  readonly destination?: (destination: Destination) => Destination;
}

/**
 * Lives a history: what happens in the world, and runs that may end at any call. Then nothing is in
 * the way any more, and one run must make everything right.
 *
 * @returns the calls at which lives have ended.
 * @throws when a table, the ledger or the log is not what it must be.
 */
export async function liveHistory(
  world: CrashWorld,
  fixture: DestinationFixture,
  history: readonly CrashStep[],
  wrappers: CrashWrappers = {},
): Promise<ReadonlySet<DestinationCall | SourceCall>> {
  const met = new Set<DestinationCall | SourceCall>();
  let destination = fixture.destination;
  const run = async (step?: CrashStep): Promise<PipelineReport> => {
    const wrapped = wrappers.destination?.(destination) ?? destination;
    const faulty = step?.fault ?? undefined;
    const source = acknowledgingWhatIsDurable(
      wrappers.source?.(world.createSource()) ?? world.createSource(),
      destination,
    );
    const options = {
      name: PIPELINE,
      source: faulty?.part === 'source' ? faultySource(source, failingAt(faulty, met)) : source,
      destination: faulty?.part === 'destination' ? faultyDestination(wrapped, failingAt(faulty, met)) : wrapped,
      acceptShrink: true,
      now: world.now,
      commitEveryRows: step?.commitEveryRows ?? 3,
      fullRefresh: step?.isFullRefresh === true && world.backfill === undefined,
      ...(step?.isBackfill === true && world.backfill !== undefined ? { days: world.backfill } : {}),
    };
    try {
      return await runPipeline(options);
    } finally {
      await source[Symbol.asyncDispose]();
    }
  };
  for (const step of history) {
    world.apply(step);
    try {
      await run(step);
    } catch (error) {
      // What the suite itself complains of is no death of a run.
      if (error instanceof LostError) throw error;
      if (!EtlError.isInstance(error)) throw error;
    }
    destination = await fixture.restart();
  }
  world.heal();
  requireWell(await run(), 'the run after the history');
  await requireTruth(world, fixture);
  await requireLedger(world, destination);
  world.takeNeedlessReads();
  requireWell(await run(), 'a second run');
  equal(world.takeNeedlessReads(), 0, 'what is settled was read again');
  await requireTruth(world, fixture);
  return met;
}

function requireWell({ status, failures }: PipelineReport, what: string): void {
  equal(status, 'ok', `${what}: ${failures.map(({ error }) => error.message).join('; ')}`);
}

async function requireTruth(world: CrashWorld, fixture: DestinationFixture): Promise<void> {
  for (const spec of world.streams) {
    const textOf = (row: Row): string => JSON.stringify(canonicalRow(spec, row));
    const loaded = (await fixture.readRows(spec.name)).map(textOf).toSorted();
    deepStrictEqual(loaded, world.truth(spec.name).map(textOf).toSorted(), spec.name);
  }
}

async function requireLedger(world: CrashWorld, destination: Destination): Promise<void> {
  const view = await destination.inspect();
  for (const { name, scope } of world.streams) {
    if (scope === undefined) continue;
    const entries = await view.readLedger(PIPELINE, name);
    const counted = entries.reduce((sum, { rows }) => sum + rows, 0);
    equal(counted, world.truth(name).length, `rows of ${name} in the ledger`);
    const bad = entries.filter(({ status }) => status !== 'good').map(({ slice }) => slice);
    deepStrictEqual(bad, [], `slices of ${name} that the ledger calls failed`);
  }
}

function failingAt(
  { at, when, isDeath }: CrashFault,
  met: Set<DestinationCall | SourceCall>,
): (
  call: DestinationCall | SourceCall,
  count: number,
) => { when: typeof when; isDeath: boolean; error: Error } | undefined {
  return (call, count) => {
    if (count !== at) return undefined;
    met.add(call);
    const error = new EtlError({ code: 'KIT_DIED', kind: 'transient', message: 'The process died.' });
    return { when, isDeath, error };
  };
}

/** A position was acknowledged that is not stored: its rows are lost when the process dies now. */
class LostError extends Error {}

function acknowledgingWhatIsDurable(source: Source, destination: Destination): Source {
  const acknowledge = source.acknowledge?.bind(source);
  if (acknowledge === undefined) return source;
  return {
    ...source,
    async acknowledge(checkpoint, options) {
      const stored = await (await destination.inspect()).readState(PIPELINE);
      for (const entry of checkpoint.entries) {
        const is = stored.find(({ stream, partition }) => stream === entry.stream && partition === entry.partition);
        const isDurable = entry.value === null ? is === undefined : valueOf(is) === JSON.stringify(entry.value);
        if (!isDurable)
          throw new LostError(`${entry.stream} was acknowledged at ${valueOf(entry)}, stored is ${valueOf(is)}`);
      }
      await acknowledge(checkpoint, options);
    },
  };
}

function valueOf(entry: StateEntry | undefined): string {
  return JSON.stringify(entry?.value ?? null);
}
