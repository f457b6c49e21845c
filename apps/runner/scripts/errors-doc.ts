// Writes docs/errors.md from the places in the code that make errors.
//   node apps/runner/scripts/errors-doc.ts [--check]
import { join } from 'node:path';
import type { ErrorKind } from '@etl/core';
import { exitCodeOfKind } from '../src/exit-code.ts';
import { readErrorCodes, type ErrorCode } from './error-codes.ts';
import { markdownTable } from './markdown-table.ts';
import { REPOSITORY, writeOrCheck } from './generated-file.ts';

const KINDS: Readonly<Record<ErrorKind, string>> = {
  config: 'options, group or environment are wrong',
  auth: 'credentials are missing, wrong, expired or revoked',
  permission: 'credentials are right but lack a scope or a grant',
  'rate-limit': 'the platform says wait',
  transient: 'network, timeout, service down, lock or slot held by another run',
  data: 'a row breaks its schema, or a payload cannot be read',
  schema: 'a table cannot take what the source sends',
  state: 'a stored position is unusable, or history is gone',
  internal: 'a defect of ours',
};

const EXITS = markdownTable(
  ['exit', 'meaning'],
  [
    ['0', 'everything due is good'],
    ['1', 'some of it is good; the report names the rest'],
    ['2', 'the command line is wrong'],
    ['65', 'data or schema: a row or a table does not fit'],
    ['70', 'state or internal: needs a look'],
    ['75', 'try later: deadline reached with work left, service down, quota used, lock or slot held'],
    ['77', 'credentials or permissions'],
    ['78', 'configuration'],
    ['130, 143', 'stopped by SIGINT, SIGTERM'],
  ],
);

const KIND_TABLE = markdownTable(
  ['kind', 'meaning', 'exit'],
  Object.entries(KINDS).map(([kind, meaning]) => [`\`${kind}\``, meaning, String(exitCodeOfKind(kind as ErrorKind))]),
);

const HEAD = `# Errors

Every error has a stable code, says what happened and what to do, and ends \`etl\` with an exit code that a cron job can act on. This page is generated from the code (\`node apps/runner/scripts/errors-doc.ts\`).

${EXITS}

A run of which nothing is good ends with the code that its failures share.

${KIND_TABLE}
`;

function section({ code, kinds, packages, messages, hints }: ErrorCode): string {
  const about = [
    kinds.map((kind) => `${kind} (exit ${exitOf(kind)})`).join(' or '),
    packages.map((name) => `\`${name}\``).join(', '),
  ].filter((part) => part !== '');
  const lines = [`## ${code}`, about.join(' · ')];
  if (messages.length > 0) lines.push(messages.map((message) => `> ${escaped(message)}`).join('\n>\n'));
  if (hints.length > 0) lines.push(hints.map(escaped).join(' Or: '));
  return lines.join('\n\n');
}

function exitOf(kind: string): string {
  if (kind === 'usage') return '2';
  if (kind === 'interrupted') return '130 or 143';
  return String(exitCodeOfKind(kind as ErrorKind));
}

function escaped(text: string): string {
  return text.replaceAll('<', '\\<').replaceAll('*', '\\*');
}

const sections = readErrorCodes(REPOSITORY).map(section);
const path = join(REPOSITORY, 'docs/errors.md');
process.exitCode = writeOrCheck(
  path,
  `${[HEAD.trimEnd(), ...sections].join('\n\n')}\n`,
  'node apps/runner/scripts/errors-doc.ts',
);
