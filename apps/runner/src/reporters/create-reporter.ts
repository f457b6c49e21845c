import type { Terminal } from '../terminal.ts';
import { JsonReporter } from './json-reporter.ts';
import { LineReporter } from './line-reporter.ts';
import { LiveReporter } from './live-reporter.ts';
import type { Reporter, RunHeading } from './reporter.ts';

export interface ReporterChoice {
  /** One JSON document on stdout for programs, besides what people read on stderr. */
  readonly isJson: boolean;
  readonly isVerbose: boolean;
}

/** Live lines where somebody watches, plain lines elsewhere, and JSON on stdout when asked for. */
export function createReporter(
  terminal: Terminal,
  heading: RunHeading,
  { isJson, isVerbose }: ReporterChoice,
): Reporter {
  // Log lines would be torn apart by lines that are rewritten.
  const isLive = terminal.isLive && !isVerbose;
  const forPeople = isLive ? new LiveReporter(terminal, heading) : new LineReporter(terminal, heading);
  return isJson ? new JsonReporter(terminal, heading, forPeople) : forPeople;
}
