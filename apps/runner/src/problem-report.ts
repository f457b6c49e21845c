import { errorCommand, isGitHub } from './github-annotations.ts';
import { documentationOf, type Problem } from './problem.ts';
import type { Terminal } from './terminal.ts';

/** Three lines: what happened, what to do, the code with its documentation and the exit code. */
export function reportProblem(
  terminal: Terminal,
  problem: Problem,
  { subject, isVerbose = false }: { subject?: string | undefined; isVerbose?: boolean } = {},
): void {
  const about = subject === undefined ? '' : `${subject}: `;
  terminal.say(`${terminal.style('red', '✗')} ${about}${problem.message}`);
  if (problem.hint !== undefined) terminal.say(`  ${problem.hint}`);
  const reference = `  ${problem.code} · ${documentationOf(problem.code)}`;
  const exit = `exit ${problem.exitCode}`;
  const gap = Math.max(3, Math.min(terminal.width, 100) - reference.length - exit.length);
  terminal.say(terminal.style('dim', `${reference}${' '.repeat(gap)}${exit}`));
  if (problem.stack !== undefined && (isVerbose || problem.kind === 'internal')) {
    terminal.say(terminal.style('dim', problem.stack));
  }
  annotate(terminal, problem);
}

function annotate(terminal: Terminal, problem: Problem): void {
  if (!isGitHub(process.env)) return;
  const text = [problem.message, problem.hint].filter((part) => part !== undefined).join(' ');
  terminal.say(errorCommand(problem.code, text));
}
