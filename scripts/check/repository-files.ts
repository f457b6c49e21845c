import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

export interface TextFile {
  path: string;
  text: string;
}

/** The text files that are in the repository, or would be after `git add`. */
export function repositoryFiles(): TextFile[] {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  return list
    .split('\0')
    .filter((path) => path !== '' && statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
    .filter(({ text }) => !text.includes('\0'));
}
