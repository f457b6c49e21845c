import type { LoadSummary, SchemaChange, TableMerge } from '../destination.ts';
import type { EtlError } from '../etl-error.ts';
import type { Checkpoint } from '../state.ts';
import type { DueReason } from './due-slices.ts';
import type { Restatement } from './published-slice.ts';

/** What happens in a run, noun first. Reporters hang on these; nothing else is printed by the engine. */
export type PipelineEvent =
  | { readonly type: 'load-rolled-forward'; readonly summary: LoadSummary }
  | { readonly type: 'load-started'; readonly loadId: string }
  | {
      readonly type: 'schema-changed';
      readonly stream: string;
      readonly changes: readonly SchemaChange[];
    }
  | {
      readonly type: 'stream-progressed';
      readonly stream: string;
      readonly phase: string;
      readonly rows: number;
      /** Rows to expect in all; absent when nobody knows. */
      readonly expectedRows?: number;
    }
  | { readonly type: 'batch-written'; readonly stream: string; readonly rows: number }
  | {
      readonly type: 'slices-planned';
      readonly stream: string;
      readonly expected: number;
      /** How many are due, by reason. */
      readonly due: Readonly<Partial<Record<DueReason, number>>>;
    }
  | {
      readonly type: 'window-started';
      readonly stream: string;
      /** Key of the slice, or of the first and the last. */
      readonly slice: string;
      readonly slices: number;
    }
  | {
      readonly type: 'slice-published';
      readonly stream: string;
      readonly slice: string;
      readonly rows: number;
      readonly durationMs: number;
      /** Whether the rows were there before just as they are, so that none was written. */
      readonly isUnchanged: boolean;
      /** Present where it had been published before, with other rows. */
      readonly restated?: Restatement;
    }
  /** A wait on the way to the platform begins, see `ApiCallEvent`. */
  | {
      readonly type: 'call-waiting';
      /** Empty for calls that serve no single stream. */
      readonly stream: string;
      /** The lane; empty where there is none. */
      readonly account: string;
      readonly reason: 'quota' | 'retry' | 'report' | 'delay';
      readonly waitMs: number;
      readonly about?: string;
    }
  /** The rest of the lane waits for another run. */
  | { readonly type: 'lane-parked'; readonly stream: string; readonly lane: string; readonly error: EtlError }
  | {
      readonly type: 'slice-failed';
      readonly stream: string;
      readonly slice: string;
      readonly error: EtlError;
    }
  | { readonly type: 'stream-failed'; readonly stream: string; readonly error: EtlError }
  | { readonly type: 'load-committed'; readonly summary: LoadSummary }
  /** All that the run loads is published: what follows, merges above all, changes no row. */
  | { readonly type: 'loads-ended' }
  | { readonly type: 'tables-merged'; readonly merges: readonly TableMerge[] }
  | { readonly type: 'checkpoint-acknowledged'; readonly checkpoint: Checkpoint };
