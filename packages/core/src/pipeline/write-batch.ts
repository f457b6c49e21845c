import type { BinaryBatch } from '../binary-batch.ts';
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

/** @throws `SOURCE_BINARY_UNASKED` (internal) when the source was not told that bytes are understood. */
export async function writeBinary(
  run: PipelineRun,
  load: LoadPackage,
  stream: string,
  batch: BinaryBatch,
): Promise<void> {
  if (load.writeBinary !== undefined) return load.writeBinary(stream, batch);
  throw new EtlError({
    code: 'SOURCE_BINARY_UNASKED',
    kind: 'internal',
    message: `The source ${run.options.source.name} gave ${stream} as bytes to a destination that does not take them.`,
  });
}
