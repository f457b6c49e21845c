import type { PipelineEvent, PipelineReport } from '@etl/core';
import { count, duration, number } from '../quantity.ts';
import type { Terminal } from '../terminal.ts';
import type { Reporter, RunHeading } from './reporter.ts';
import { laneParkedText } from './lane-text.ts';
import { windowText } from './open-windows.ts';
import { progressText, rateText, RunProgress } from './run-progress.ts';
import { runSummary } from './run-summary.ts';
import { Waits } from './waits.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;

function restatedText(rows: number): string {
  return rows === 0 ? '' : `  ${number(rows)} restated`;
}

/** One rewritten line per stream in progress; what is finished stays above them. */
export class LiveReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #heading: RunHeading;
  readonly #progress = new RunProgress();
  readonly #waits = new Waits();
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;

  constructor(terminal: Terminal, heading: RunHeading) {
    this.#terminal = terminal;
    this.#heading = heading;
  }

  started(): void {
    this.#terminal.say(`${this.#heading.subject} → ${this.#heading.target}`);
    for (const line of this.#heading.asked ?? []) this.#terminal.say(`  ${line}`);
    this.#terminal.say();
    this.#timer = setInterval(() => this.#draw(), FRAME_MS).unref();
  }

  event(event: PipelineEvent): void {
    const ended = this.#progress.apply(event);
    this.#waits.apply(event);
    const mark = this.#terminal.style('green', '✓');
    if (event.type === 'load-rolled-forward') {
      this.#terminal.say(`${mark} completed load ${event.summary.loadId} of an earlier run`);
    } else if (event.type === 'lane-parked') {
      this.#terminal.say(`${this.#terminal.style('yellow', '⏸')} ${laneParkedText(event)}`);
    } else if (ended !== undefined && ended.published > 0) {
      const took = duration(performance.now() - ended.startedAt);
      const fate = ended.unchanged === ended.published ? '  unchanged' : restatedText(ended.restated);
      this.#terminal.say(`${mark} ${ended.stream}  ${windowText(ended)}  ${count(ended.rows, 'row')}${fate}  ${took}`);
    }
  }

  ended(report: PipelineReport): void {
    this.close();
    for (const line of runSummary(this.#terminal, this.#heading, report)) this.#terminal.say(line);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#terminal.live([]);
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % FRAMES.length;
    this.#terminal.live(this.#lines());
  }

  #lines(): readonly string[] {
    const spinner = this.#terminal.style('cyan', FRAMES[this.#frame] ?? '');
    const elapsed = duration(Math.floor((performance.now() - this.#startedAt) / 1000) * 1000);
    const active = this.#progress.active;
    const waits = this.#waits.lines.map((line) => `${this.#terminal.style('yellow', '⏸')} ${line}`);
    const { isEnding } = this.#progress;
    if (active.length === 0) return [`${spinner} ${isEnding ? 'finishing' : 'connecting'}   ${elapsed}`, ...waits];
    const room = Math.max(1, this.#terminal.height - 4 - waits.length);
    const shown = active.slice(-room);
    const names = Math.max(...shown.map(({ stream }) => stream.length));
    const hidden = active.length - shown.length;
    return [
      ...(hidden === 0 ? [] : [`  … and ${count(hidden, 'more stream')}`]),
      ...shown.map((stream) => `${spinner} ${stream.stream.padEnd(names)}   ${progressText(stream, number)}`),
      ...waits,
      `  ${count(this.#progress.writtenRows, 'row')}   ${rateText(this.#progress, number)}   ${elapsed}`,
    ];
  }
}
