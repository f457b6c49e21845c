import { existsSync } from 'node:fs';
import { EtlError, type Destination, type PipelineHolder } from '@etl/core';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command } from '../command-context.ts';
import { EXIT_OK } from '../exit-code.ts';
import { openTarget } from '../group-target.ts';
import { duration } from '../quantity.ts';
import { agoText } from '../reporters/status-text.ts';

export interface UnlockOptions {
  readonly yes?: boolean;
  readonly embedded?: boolean;
  readonly json?: boolean;
}

/** `etl unlock`: frees a pipeline whose holder is dead, and with `--yes` from one who may be alive. */
export function unlockPipeline(platformName: string, groupName: string | undefined, options: UnlockOptions): Command {
  return async (context) => {
    const { env, signal, logger, terminal } = context;
    const { destination, dataset, pipeline } = await openTarget(platformName, groupName, context, options);
    const isNothing = 'path' in destination.address && !existsSync(destination.address.path);
    const { freed, held } = isNothing
      ? { freed: [], held: [] }
      : await withDestination(destination, dataset, env, (opened: Destination) => {
          if (opened.unlock === undefined) return Promise.resolve({ freed: [], held: [] });
          return opened.unlock(pipeline, { force: options.yes ?? false, signal, logger });
        });
    const now = new Date();
    for (const holder of freed) terminal.say(`Freed ${pipeline} from ${holderText(holder, now)}.`);
    const [alive] = held;
    if (alive !== undefined) throw heldError(pipeline, alive, now);
    if (freed.length === 0) terminal.say(`Nobody holds ${pipeline}; nothing was changed.`);
    if (options.json === true) terminal.json({ pipeline, freed });
    return EXIT_OK;
  };
}

function holderText({ pid, host, since, silentMs }: PipelineHolder, now: Date): string {
  const silence = silentMs === undefined ? '' : `, silent for ${duration(silentMs)}`;
  return `process ${pid} on ${host}, which holds it since ${agoText(since, now)}${silence}`;
}

function heldError(pipeline: string, holder: PipelineHolder, now: Date): EtlError {
  return new EtlError({
    code: 'PIPELINE_ALIVE',
    kind: 'transient',
    message: `${pipeline} is held by ${holderText(holder, now)}: it may be alive.`,
    hint: 'Stop that process, or wait: after a minute of silence the next run takes over by itself. --yes frees it all the same; a run that lives then loses what it has not committed.',
  });
}
