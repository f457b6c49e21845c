import type { LoadSummary, SchemaChange, TableMerge } from '../destination.ts';
import type { EtlError } from '../etl-error.ts';
import type { Checkpoint } from '../state.ts';

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
  | { readonly type: 'slice-published'; readonly stream: string; readonly slice: string; readonly rows: number }
  | {
      readonly type: 'slice-failed';
      readonly stream: string;
      readonly slice: string;
      readonly error: EtlError;
    }
  | { readonly type: 'stream-failed'; readonly stream: string; readonly error: EtlError }
  | { readonly type: 'load-committed'; readonly summary: LoadSummary }
  | { readonly type: 'tables-merged'; readonly merges: readonly TableMerge[] }
  | { readonly type: 'checkpoint-acknowledged'; readonly checkpoint: Checkpoint };
