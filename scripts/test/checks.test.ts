import { describe, expect, it } from 'vitest';
import { composeProblems } from '../check/compose.ts';
import { secretsIn } from '../check/secrets.ts';
import { sourceProblems } from '../check/sources.ts';
import { workflowProblems } from '../check/workflows.ts';

describe('secrets', () => {
  const url = ['postgres://etl', 'hunter2@db.example/shop'].join(':');

  it.each([
    ['a private key', 'packages/a/key.ts', `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(30)}`],
    ['a GitHub token', 'README.md', `ghp_${'a'.repeat(36)}`],
    ['an npm token', '.npmrc', `npm_${'a'.repeat(36)}`],
    ['a Facebook token', 'packages/a/test/a.test.ts', `EAA${'B'.repeat(80)}`],
    ['a URL with a password', 'packages/a/src/a.ts', `const url = '${url}';`],
    ['a literal password', 'docker-compose.yml', '  POSTGRES_PASSWORD: hunter2'],
    ['a literal password', '.env.example', 'CLICKHOUSE_PASSWORD=hunter2'],
  ])('%s is found', (what, path, text) => {
    const problems = secretsIn({ path, text });
    expect(problems).toEqual([expect.stringContaining(what)]);
    expect(problems.join()).not.toContain('hunter2');
  });

  it.each([
    ['README.md', 'postgres://user:password@host:5432/database'],
    ['packages/a/src/a.ts', "const url = `http://etl:${password}@127.0.0.1`; url.password = '';"],
    ['packages/a/test/a.test.ts', url],
    ['docker-compose.yml', '  POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?give it a value}'],
    ['.github/workflows/release.yml', '      id-token: write # there is no npm token'],
    ['.env.example', 'CLICKHOUSE_PASSWORD=\nPOSTGRES_PASSWORD=\n'],
  ])('are not seen in what %s may hold', (path, text) => {
    expect(secretsIn({ path, text })).toEqual([]);
  });
});

describe('docker-compose.yml', () => {
  const example = 'DB_PASSWORD=\n';
  const service = (lines: string) => `services:\n  db:\n${lines.replaceAll(/^/gm, '    ')}`;
  const good = 'image: postgres:18\nhealthcheck: {}\nenvironment:\n  DB_PASSWORD: ${DB_PASSWORD:?set it}';

  it('may be as ours is', () => {
    expect(composeProblems(service(good), example)).toEqual([]);
  });

  it.each([
    ['an image without a version', good.replace('postgres:18', 'postgres:latest')],
    ['no health check', good.replace('healthcheck: {}\n', '')],
    ['does not take DB_PASSWORD', good.replace(':?set it', ':-secret')],
    ['opens port', `${good}\nports: ["5432:5432"]`],
    ['not declared', `${good}\nvolumes: ["data:/data"]`],
    ['not explained', good.replace('${DB_PASSWORD', '${OTHER_PASSWORD')],
  ])('is refused for: %s', (problem, lines) => {
    expect(composeProblems(service(lines), example)).toEqual([expect.stringContaining(problem)]);
  });

  it('has an example of its settings without a secret', () => {
    expect(composeProblems(service(good), 'DB_PASSWORD=hunter2')).toEqual(['.env.example has a value for DB_PASSWORD']);
  });
});

describe('a workflow', () => {
  const commit = 'a'.repeat(40);
  const good = [
    'permissions: {}',
    'jobs:',
    '  test:',
    '    permissions: { contents: read }',
    '    timeout-minutes: 5',
    '    steps:',
    `      - uses: actions/checkout@${commit} # v7.0.1`,
    '        with: { persist-credentials: false }',
    '      - run: echo ${{ github.run_id }}',
  ].join('\n');

  it('may be as ours are', () => {
    expect(workflowProblems(good)).toEqual([]);
  });

  it.each([
    ['gives permissions to all jobs', good.replace('permissions: {}', 'permissions: { contents: write }')],
    ['does not say its permissions', good.replace('    permissions: { contents: read }\n', '')],
    ['has no time limit', good.replace('    timeout-minutes: 5\n', '')],
    ['does not pin', good.replace(commit, 'v7')],
    ['does not say the version', good.replace(' # v7.0.1', '')],
    ['leaves its token', good.replace('persist-credentials: false', 'fetch-depth: 0')],
    ['what outsiders write', good.replace('github.run_id', 'github.event.pull_request.title')],
  ])('is refused when it %s', (problem, text) => {
    expect(workflowProblems(text)).toContainEqual(expect.stringContaining(problem));
  });
});

describe('a source file', () => {
  it('runs on Node 22 as it is', () => {
    const text = 'async function main() {\n  await using file = await open();\n}';
    expect(sourceProblems({ path: 'packages/core/src/open.ts', text })).toEqual([expect.stringContaining('open.ts:2')]);
    expect(sourceProblems({ path: 'packages/core/test/open.test.ts', text })).toEqual([]);
  });

  it('is named after its one concept', () => {
    expect(sourceProblems({ path: 'packages/core/src/utils.ts', text: '' })).toHaveLength(1);
    expect(sourceProblems({ path: 'packages/core/src/slice.ts', text: '' })).toEqual([]);
  });
});
