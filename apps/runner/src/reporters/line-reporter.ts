import type { PipelineEvent, PipelineReport } from '@etl/core';
import { errorCommand, isGitHub } from '../github-annotations.ts';
import { documentationOf } from '../problem.ts';
import { count, duration, number } from '../quantity.ts';
import type { Terminal } from '../terminal.ts';
import { timeOfDay } from '../time-of-day.ts';
import { failureGroups, whereText } from './failure-groups.ts';
import { laneParkedText } from './lane-text.ts';
import { windowText, type WindowProgress } from './open-windows.ts';
import type { Reporter, RunHeading } from './reporter.ts';
import { progressText, rateText, RunProgress } from './run-progress.ts';
import { runSummary, schemaChangeText, tellableChanges } from './run-summary.ts';
import { Waits } from './waits.ts';

const EVERY_MS = 30_000;

/** Plain lines with the time of day, for logs: at the start, every 30 s, and at the end. */
export class LineReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #heading: RunHeading;
  readonly #progress = new RunProgress();
  readonly #waits = new Waits();
  /** Tables that this run has made. */
  readonly #created = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, heading: RunHeading) {
    this.#terminal = terminal;
    this.#heading = heading;
  }

  started(): void {
    this.#say(`${this.#heading.subject} → ${this.#heading.target}`);
    for (const line of this.#heading.asked ?? []) this.#say(line);
    this.#timer = setInterval(() => this.#sayProgress(), EVERY_MS).unref();
  }

  event(event: PipelineEvent): void {
    const ended = this.#progress.apply(event);
    if (ended !== undefined) this.#sayWindow(ended);
    const wait = this.#waits.apply(event);
    if (wait !== undefined) this.#say(wait);
    switch (event.type) {
      case 'load-rolled-forward':
        this.#say(`completed load ${event.summary.loadId} of an earlier run`);
        return;
      case 'schema-changed':
        for (const change of tellableChanges(event.changes, this.#created)) this.#say(schemaChangeText(change));
        return;
      case 'load-committed':
        // Slices tell themselves what came of them.
        if (this.#isSliced) return;
        this.#say(
          `load ${event.summary.loadId} committed: ${count(sum(event.summary.rowsWritten), 'row')} in ${duration(event.summary.durationMs)}`,
        );
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
        this.#say(laneParkedText(event));
        return;
      case 'call-waiting':
      case 'slice-published':
      case 'slice-failed':
      case 'window-started':
      case 'load-started':
      case 'loads-ended':
      case 'tables-merged':
      case 'stream-progressed':
      case 'batch-written':
      case 'checkpoint-acknowledged':
        return;
    }
  }

  get #isSliced(): boolean {
    return this.#progress.streams.some(({ due }) => due > 0);
  }

  /** The end of the run says why something failed, once. */
  #sayWindow(window: WindowProgress): void {
    const { stream, slices, published, unchanged, rows, restated, code } = window;
    const what = `${stream} ${windowText(window)}`;
    if (published === 0) return this.#say(`${what} failed (${code}), the others go on`);
    const parts = slices > 1 ? `${count(slices, 'slice')}, ` : '';
    const fate = unchanged === published ? 'unchanged' : 'published';
    const changed = restated === 0 ? '' : ` (${number(restated)} restated)`;
    this.#say(
      `${what} ${fate}: ${parts}${count(rows, 'row')}${changed} in ${duration(performance.now() - window.startedAt)}`,
    );
  }

  ended(report: PipelineReport): void {
    const changes = { ...report, schemaChanges: [] };
    for (const line of runSummary(this.#terminal, this.#heading, changes)) this.#say(line);
    if (!isGitHub(process.env)) return;
    for (const group of failureGroups(report.failures)) {
      const { code, message, hint } = group.error;
      const text = `${whereText(group)}: ${message}${hint === undefined ? '' : ` ${hint}`} (${documentationOf(code)})`;
      this.#terminal.say(errorCommand(code, text));
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sayProgress(): void {
    const active = this.#progress.active;
    const isEnding = this.#progress.isEnding;
    if (active.length === 0)
      this.#say(`${this.#heading.subject}: ${isEnding ? 'finishing' : 'waiting for the first rows'}`);
    for (const stream of active) this.#say(`${stream.stream}   ${progressText(stream, number)}`);
    if (this.#progress.writtenRows > 0) {
      this.#say(`${count(this.#progress.writtenRows, 'row')} so far, ${rateText(this.#progress, number)}`);
    }
  }

  #say(text: string): void {
    this.#terminal.say(`${timeOfDay()} ${text}`);
  }
}

function sum(rowsWritten: Readonly<Record<string, number>>): number {
  return Object.values(rowsWritten).reduce((total, rows) => total + rows, 0);
}
