import type { Destination, DestinationSession, LoadPackage } from '@etl/core';

/** Calls of a destination that may fail, by where they are made. */
export type DestinationCall =
  | 'open'
  | 'readState'
  | 'writeState'
  | 'readLedger'
  | 'writeLedger'
  | 'readMemory'
  | 'writeMemory'
  | 'writeCalls'
  | 'writeRun'
  | 'beginLoad'
  | 'prepare'
  | 'write'
  | 'truncate'
  | 'discard'
  | 'publish'
  | 'commit';

export interface DestinationFault {
  /** `before`: the call never arrives. `after`: it was carried out, and nobody is told. */
  readonly when: 'before' | 'after';
  /** What is thrown. */
  readonly error: Error;
  /** Whether everything that follows in this life fails too, as in a process that was killed. */
  readonly isDeath?: boolean;
}

/** What happens to the nth call, counted from 1 over all calls; `undefined`: nothing. */
export type DestinationFaultPlan = (call: DestinationCall, count: number) => DestinationFault | undefined;

const SESSION_CALLS: ReadonlySet<string> = new Set([
  'readState',
  'writeState',
  'readLedger',
  'writeLedger',
  'readMemory',
  'writeMemory',
  'writeCalls',
  'writeRun',
]);
const LOAD_CALLS: ReadonlySet<string> = new Set(['prepare', 'write', 'truncate', 'discard', 'publish', 'commit']);

/**
 * The destination, failing as planned. Rows are taken as rows, so that every one passes `write`.
 * Disposing a session always reaches the destination: a dead process lets its locks go, too. What a
 * load has staged is given up only by the living.
 */
export function faultyDestination(destination: Destination, plan: DestinationFaultPlan): Destination {
  let count = 0;
  let death: Error | undefined;
  const guarded = async <TResult>(call: DestinationCall, work: () => Promise<TResult>): Promise<TResult> => {
    if (death !== undefined) throw death;
    count += 1;
    const fault = plan(call, count);
    if (fault?.isDeath === true) death = fault.error;
    if (fault?.when === 'before') throw fault.error;
    const result = await work();
    if (fault !== undefined) throw fault.error;
    return result;
  };
  const guard = <T extends object>(target: T, calls: ReadonlySet<string>): T =>
    new Proxy(target, {
      get(of, name) {
        const value: unknown = Reflect.get(of, name, of);
        if (typeof value !== 'function') return value;
        const bound = value.bind(of) as (...given: unknown[]) => Promise<unknown>;
        if (name === Symbol.asyncDispose && calls === LOAD_CALLS)
          return async () => (death === undefined ? bound() : undefined);
        if (typeof name !== 'string' || !calls.has(name)) return bound;
        return (...given: unknown[]) => guarded(name as DestinationCall, () => bound(...given));
      },
    });
  /** A session that nobody is told of must not hold the pipeline for ever. */
  const opened = async (open: () => Promise<DestinationSession>): Promise<DestinationSession> => {
    let session: DestinationSession | undefined;
    try {
      return await guarded('open', async () => (session = await open()));
    } catch (error) {
      await session?.[Symbol.asyncDispose]();
      throw error;
    }
  };
  return {
    specificationVersion: 'v1',
    name: destination.name,
    capabilities: { writeDispositions: destination.capabilities.writeDispositions },
    check: (options) => destination.check(options),
    inspect: (options) => destination.inspect(options),
    async open(pipeline, options): Promise<DestinationSession> {
      const session = await opened(() => destination.open(pipeline, options));
      return new Proxy(guard(session, SESSION_CALLS), {
        get(of, name) {
          if (name !== 'beginLoad') return Reflect.get(of, name, of) as unknown;
          return async (...given: Parameters<DestinationSession['beginLoad']>): Promise<LoadPackage> =>
            guard(await guarded('beginLoad', () => session.beginLoad(...given)), LOAD_CALLS);
        },
      });
    },
    [Symbol.asyncDispose]: () => destination[Symbol.asyncDispose](),
  };
}
