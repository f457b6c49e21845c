import type { LoadPackage } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import type { TextBatch } from '../text-batch.ts';
import type { PipelineRun } from './pipeline-run.ts';

/** @throws `SOURCE_TEXT_UNASKED` (internal) when the source was not told that text is understood. */
export async function writeText(run: PipelineRun, load: LoadPackage, stream: string, batch: TextBatch): Promise<void> {
  if (load.writeText !== undefined) return load.writeText(stream, batch);
  throw new EtlError({
    code: 'SOURCE_TEXT_UNASKED',
    kind: 'internal',
    message: `The source ${run.options.source.name} gave text of ${stream} to a destination that takes rows only.`,
  });
}
