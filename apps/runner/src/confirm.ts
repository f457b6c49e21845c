import { createInterface } from 'node:readline/promises';
import type { CommandContext } from './command-context.ts';
import { UsageError } from './usage-error.ts';

/**
 * Asks whether to go on, where somebody can answer; elsewhere `--yes` has to say so.
 *
 * @throws `CONFIRMATION_MISSING` (usage) when nobody says yes.
 */
export async function confirm(what: string, isYes: boolean, { signal }: Pick<CommandContext, 'signal'>): Promise<void> {
  if (isYes) return;
  if (process.stdin.isTTY && process.stderr.isTTY) {
    const questions = createInterface({ input: process.stdin, output: process.stderr });
    try {
      if (/^y(es)?$/i.test((await questions.question(`${what} [y/N] `, { signal })).trim())) return;
    } finally {
      questions.close();
    }
  }
  throw new UsageError({
    code: 'CONFIRMATION_MISSING',
    message: `${what} Nobody said yes, and nothing was changed.`,
    hint: 'Give --yes when that is what you want.',
  });
}
