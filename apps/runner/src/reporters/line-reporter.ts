import type { PipelineEvent, PipelineReport } from '@etl/core';
import { documentationOf } from '../problem.ts';
import { count, duration, number } from '../quantity.ts';
import type { Terminal } from '../terminal.ts';
import { timeOfDay } from '../time-of-day.ts';
import type { Reporter, RunHeading } from './reporter.ts';
import { progressText, RunProgress } from './run-progress.ts';
import { runSummary, schemaChangeText } from './run-summary.ts';

const EVERY_MS = 30_000;

/** Plain lines with the time of day, for logs: at the start, every 30 s, and at the end. */
export class LineReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #heading: RunHeading;
  readonly #progress = new RunProgress();
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, heading: RunHeading) {
    this.#terminal = terminal;
    this.#heading = heading;
  }

  started(): void {
    this.#say(`${this.#heading.subject} → ${this.#heading.target}`);
    this.#timer = setInterval(() => this.#sayProgress(), EVERY_MS).unref();
  }

  event(event: PipelineEvent): void {
    this.#progress.apply(event);
    switch (event.type) {
      case 'load-rolled-forward':
        this.#say(`completed load ${event.summary.loadId} of an earlier run`);
        return;
      case 'schema-changed':
        for (const change of event.changes) this.#say(schemaChangeText(change));
        return;
      case 'load-committed':
        this.#say(
          `load ${event.summary.loadId} committed: ${count(sum(event.summary.rowsWritten), 'row')} in ${duration(event.summary.durationMs)}`,
        );
        return;
      case 'slice-published':
        this.#say(
          `${event.stream} ${event.slice} published: ${count(event.rows, 'row')} in ${duration(event.durationMs)}`,
        );
        return;
      case 'slice-failed':
        // The end of the run says why, once.
        this.#say(`${event.stream} ${event.slice} failed (${event.error.code}), the others go on`);
        return;
      case 'stream-failed':
        this.#say(`${event.stream} failed (${event.error.code}), the others go on`);
        return;
      case 'slices-planned': {
        const due = Object.entries(event.due).map(([reason, slices]) => `${number(slices)} ${reason}`);
        this.#say(
          `${event.stream}: ${due.length === 0 ? 'nothing due' : `due ${due.join(', ')}`} of ${count(event.expected, 'slice')}`,
        );
        return;
      }
      case 'lane-parked':
        this.#say(`${event.stream} ${event.lane} waits for another run: ${event.error.message}`);
        return;
      case 'window-started':
      case 'load-started':
      case 'tables-merged':
      case 'stream-progressed':
      case 'batch-written':
      case 'checkpoint-acknowledged':
        return;
    }
  }

  ended(report: PipelineReport): void {
    const changes = { ...report, schemaChanges: [] };
    for (const line of runSummary(this.#terminal, this.#heading, changes)) this.#say(line);
    if (process.env['GITHUB_ACTIONS'] !== 'true') return;
    for (const { stream, error } of report.failures) {
      this.#terminal.say(`::error title=${error.code}::${stream}: ${error.message} (${documentationOf(error.code)})`);
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sayProgress(): void {
    const active = this.#progress.streams.filter(({ writtenRows, phase }) => writtenRows > 0 || phase !== undefined);
    if (active.length === 0) this.#say(`${this.#heading.subject}: waiting for the first rows`);
    for (const stream of active) this.#say(`${stream.stream}   ${progressText(stream, number)}`);
  }

  #say(text: string): void {
    this.#terminal.say(`${timeOfDay()} ${text}`);
  }
}

function sum(rowsWritten: Readonly<Record<string, number>>): number {
  return Object.values(rowsWritten).reduce((total, rows) => total + rows, 0);
}
