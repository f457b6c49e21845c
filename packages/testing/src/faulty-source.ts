import type { Source, SourceMessage } from '@etl/core';

/** Where a source may fail: at a call, or at a message of a reading. */
export type SourceCall = 'check' | 'discover' | 'plan' | 'message' | 'acknowledge';

export interface SourceCallFault {
  /**
   * `before`: the call never arrives, the message is never read. `after`: it was carried out, and
   * nobody is told; the message was read, and is lost.
   */
  readonly when: 'before' | 'after';
  /** What is thrown. */
  readonly error: Error;
  /** Whether everything that follows in this life fails too, as in a process that was killed. */
  readonly isDeath?: boolean;
}

/** What happens to the nth call, counted from 1 over all calls and messages; `undefined`: nothing. */
export type SourceFaultPlan = (call: SourceCall, count: number) => SourceCallFault | undefined;

/** The source, failing as planned. Disposing always reaches it. */
export function faultySource(source: Source, plan: SourceFaultPlan): Source {
  let count = 0;
  let death: Error | undefined;
  const guarded = async <TResult>(call: SourceCall, work: () => Promise<TResult>): Promise<TResult> => {
    if (death !== undefined) throw death;
    count += 1;
    const fault = plan(call, count);
    if (fault?.isDeath === true) death = fault.error;
    if (fault?.when === 'before') throw fault.error;
    const result = await work();
    if (fault !== undefined) throw fault.error;
    return result;
  };
  const planned = source.plan?.bind(source);
  const acknowledge = source.acknowledge?.bind(source);
  return {
    specificationVersion: 'v1',
    name: source.name,
    check: (options) => guarded('check', () => source.check(options)),
    discover: (options) => guarded('discover', () => source.discover(options)),
    ...(planned === undefined ? {} : { plan: (request) => guarded('plan', () => planned(request)) }),
    ...(acknowledge === undefined
      ? {}
      : {
          acknowledge: (checkpoint, options) => guarded('acknowledge', () => acknowledge(checkpoint, options)),
        }),
    async *read(request): AsyncGenerator<SourceMessage> {
      const messages = source.read(request)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await guarded('message', () => messages.next());
          if (done === true) return;
          yield value;
        }
      } finally {
        await messages.return?.();
      }
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
