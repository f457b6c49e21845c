import type { CommanderError } from 'commander';
import { UsageError } from './usage-error.ts';

/** What the parser of the command line says, in the form of every other error. `command`: whose help says more. */
export function commandLineError({ message }: Pick<CommanderError, 'message'>, command: string): UsageError {
  const [said = '', ...more] = message.replace(/^error: /, '').split('\n');
  const meant = /\(Did you mean (.+)\?\)/.exec(more.join(' '))?.[1];
  const sentence = `${said.charAt(0).toUpperCase()}${said.slice(1)}`.replace(/\.$/, '');
  return new UsageError({
    code: 'COMMAND_LINE_INVALID',
    message: meant === undefined ? `${sentence}.` : `${sentence}; did you mean ${meant}?`,
    hint: `${command} --help says what there is.`,
  });
}
