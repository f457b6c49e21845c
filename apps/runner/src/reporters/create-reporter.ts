import type { Terminal } from '../terminal.ts';
import { jsonReporter } from './json-reporter.ts';
import { LineReporter } from './line-reporter.ts';
import { LiveReporter } from './live-reporter.ts';
import type { Reporter, RunHeading } from './reporter.ts';

export interface ReporterChoice {
  /** For programs: one JSON document on stdout, nothing on stderr. */
  readonly isJson: boolean;
  readonly isVerbose: boolean;
}

/** Live lines where somebody watches, plain lines elsewhere, JSON when asked for. */
export function createReporter(
  terminal: Terminal,
  heading: RunHeading,
  { isJson, isVerbose }: ReporterChoice,
): Reporter {
  if (isJson) return jsonReporter(terminal, heading);
  // Log lines would be torn apart by lines that are rewritten.
  if (terminal.isLive && !isVerbose) return new LiveReporter(terminal, heading);
  return new LineReporter(terminal, heading);
}
