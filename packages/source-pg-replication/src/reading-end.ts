import { EtlError, type LogFollow } from '@etl/core';
import { HEARTBEAT_PREFIX, reachedFence, type Fence } from './fence.ts';
import type { PgoutputBegin } from './pgoutput.ts';
import type { ReplicationEvent, ReplicationStream } from './replication-stream.ts';

/** What to do where no transaction is open. */
export type Verdict =
  | 'go-on'
  /** A checkpoint is due. */
  | 'checkpoint'
  /** A last checkpoint, and then the reading is over. */
  | 'end';

export interface ReadingEndOptions {
  /** Absent when the log is followed. */
  readonly fence?: Fence | undefined;
  /** Nothing that was committed at or behind it is read, although the fence may lie behind it. */
  readonly exactLsn?: bigint | undefined;
  readonly follow?: LogFollow | undefined;
  readonly deadline?: Date | undefined;
  readonly pageRows: number;
  readonly pageBytes: number;
  readonly heartbeatMs: number;
  /** Called at every heartbeat while the log is followed; true when the reading has to begin anew. */
  readonly beat?: () => Promise<boolean>;
  /** Milliseconds of a clock; injected by tests. */
  readonly now?: () => number;
}

/** Says where a reading of the log makes a checkpoint and where it ends. */
export class ReadingEnd {
  readonly #options: ReadingEndOptions;
  readonly #now: () => number;
  readonly #startedAt: number;
  /** When the oldest change without a checkpoint came. */
  #waitingSince: number | undefined;
  #lastBeat: number;
  #lastCheckpoint: number;
  #beating: Promise<void> | undefined;
  #filling: Promise<void> | undefined;
  #failure: EtlError | undefined;
  #mustBeginAnew = false;
  #isDeadlineSaid = false;

  constructor(options: ReadingEndOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#startedAt = this.#now();
    this.#lastBeat = this.#startedAt;
    this.#lastCheckpoint = this.#startedAt;
  }

  /** The position at which the reading ends, where a transaction that commits there belongs to a later one. */
  exactBefore(begin: PgoutputBegin): bigint | undefined {
    const { exactLsn } = this.#options;
    return exactLsn !== undefined && begin.commitLsn >= exactLsn ? exactLsn : undefined;
  }

  /**
   * Waits for bytes of the log; while it is followed, not beyond the moment at which something else is due. Within a
   * transaction nothing can be due: whoever did not wait for its bytes then would never let them come.
   */
  async wait(stream: ReplicationStream, isInTransaction: boolean): Promise<void> {
    if (this.#options.follow === undefined && this.#options.deadline === undefined) return stream.wait();
    this.#startBeat();
    // One wait at a time: bytes that come after a timer has won are for the next call.
    this.#filling ??= this.#watched(stream.wait());
    await (isInTransaction ? this.#filling : this.#firstOf(this.#filling));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** To be asked when a transaction has ended; `rows` and `bytes` came since the last checkpoint. */
  atCommit(rows: number, bytes: number): Verdict {
    const { follow, pageRows, pageBytes } = this.#options;
    if (follow === undefined) return rows >= pageRows || bytes >= pageBytes ? 'checkpoint' : 'go-on';
    if (rows > 0) this.#waitingSince ??= this.#now();
    if (rows >= follow.flushRows || bytes >= follow.flushBytes) return 'checkpoint';
    return this.atRest();
  }

  /** To be asked when time has passed and no transaction is open. */
  atRest({ mustEnd = false }: { readonly mustEnd?: boolean } = {}): Verdict {
    const { follow, deadline } = this.#options;
    const now = this.#now();
    if (follow === undefined) {
      if (deadline === undefined || this.#isDeadlineSaid || now < deadline.getTime()) return 'go-on';
      this.#isDeadlineSaid = true;
      return 'checkpoint';
    }
    if (follow.stop.aborted || mustEnd || this.#mustBeginAnew || now - this.#startedAt >= follow.roundMs) return 'end';
    return this.#waitingSince !== undefined && now - this.#waitingSince >= follow.flushAgeMs ? 'checkpoint' : 'go-on';
  }

  /** What an event outside a transaction says, and the position that it proves to be reached. */
  atEvent(event: ReplicationEvent): { readonly verdict: Verdict; readonly position?: bigint } {
    const { fence, exactLsn, heartbeatMs } = this.#options;
    if (fence !== undefined) {
      const reached = reachedFence(fence, event);
      if (reached === undefined) return { verdict: 'go-on' };
      return { verdict: 'end', position: exactLsn !== undefined && exactLsn < reached ? exactLsn : reached };
    }
    const position = idlePosition(event);
    if (position === undefined) return { verdict: 'go-on' };
    // Each checkpoint is a load: for the sake of a position alone there is one at a heartbeat and no more.
    const isDue = this.#now() - this.#lastCheckpoint >= heartbeatMs;
    return { verdict: isDue ? 'checkpoint' : 'go-on', position };
  }

  checkpointMade(): void {
    this.#waitingSince = undefined;
    this.#lastCheckpoint = this.#now();
  }

  async #firstOf(filling: Promise<void>): Promise<void> {
    const stop = this.#options.follow?.stop;
    let timer: NodeJS.Timeout | undefined;
    let wake = (): void => undefined;
    const other = new Promise<void>((resolve) => {
      wake = () => resolve();
      timer = setTimeout(wake, this.#untilNextMs());
      if (stop?.aborted === true) wake();
      else stop?.addEventListener('abort', wake, { once: true });
    });
    try {
      await Promise.race([filling, other, ...(this.#beating === undefined ? [] : [this.#beating])]);
    } finally {
      clearTimeout(timer);
      stop?.removeEventListener('abort', wake);
    }
  }

  async #watched(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failure ??= EtlError.from(error);
    } finally {
      this.#filling = undefined;
    }
  }

  #untilNextMs(): number {
    const { follow, deadline, heartbeatMs } = this.#options;
    const now = this.#now();
    const moments: number[] = [];
    if (deadline !== undefined && !this.#isDeadlineSaid) moments.push(deadline.getTime());
    if (follow !== undefined) {
      moments.push(this.#startedAt + follow.roundMs, this.#lastBeat + heartbeatMs);
      if (this.#waitingSince !== undefined) moments.push(this.#waitingSince + follow.flushAgeMs);
    }
    const next = Math.min(...moments) - now;
    return Number.isFinite(next) ? Math.min(Math.max(next, 5), 60_000) : 60_000;
  }

  #startBeat(): void {
    const { follow, heartbeatMs, beat } = this.#options;
    if (follow === undefined || beat === undefined || this.#beating !== undefined) return;
    if (this.#now() - this.#lastBeat < heartbeatMs) return;
    this.#lastBeat = this.#now();
    this.#beating = this.#beat(beat);
  }

  async #beat(beat: () => Promise<boolean>): Promise<void> {
    try {
      if (await beat()) this.#mustBeginAnew = true;
    } catch (error) {
      this.#failure ??= EtlError.from(error);
    } finally {
      this.#beating = undefined;
    }
  }
}

/** The position that an event outside a transaction proves: all that was committed before it has come. */
function idlePosition(event: ReplicationEvent): bigint | undefined {
  if (event.type === 'keepalive') return event.walEnd;
  const isHeartbeat = event.type === 'message' && !event.isTransactional && event.prefix === HEARTBEAT_PREFIX;
  return isHeartbeat ? event.lsn : undefined;
}
