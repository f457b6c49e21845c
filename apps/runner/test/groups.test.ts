import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runEtl, temporaryDirectory } from './etl-process.ts';

const GROUPS = {
  shop: { connection_string: 'postgres://etl:s3cr3t-of-shop@127.0.0.1:1/shop' },
  dashboard: { connection_string: 'postgres://etl:s3cr3t-of-dashboard@127.0.0.1:1/dashboard' },
};

describe('groups', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  const etl = (args: readonly string[], env: Record<string, string> = {}) => runEtl(args, { cwd: directory.path, env });

  async function writeGroups(text: string, folder = 'secrets'): Promise<void> {
    await mkdir(join(directory.path, folder), { recursive: true });
    await writeFile(join(directory.path, folder, 'pg.json'), text);
  }

  test('a group that does not exist is a configuration error that names those that do', async () => {
    await writeGroups(JSON.stringify(GROUPS));
    const { exitCode, stderr } = await etl(['run', 'pg', 'shopp']);
    expect(exitCode).toBe(78);
    expect(stderr).toContain('pg has no group shopp; did you mean shop?');
    expect(stderr).toContain('The groups in secrets/pg.json are: shop, dashboard.');
  });

  test('a group that is not given is asked for by name', async () => {
    await writeGroups(JSON.stringify(GROUPS));
    const { exitCode, stderr } = await etl(['run', 'pg']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('shop, dashboard');
  });

  test('a command about all platforms names all of them when none is configured', async () => {
    for (const command of ['groups', 'check']) {
      const { exitCode, stderr } = await etl([command]);
      expect(exitCode).toBe(78);
      expect(stderr).toMatch(/neither secrets\/<platform>\.json nor ETL_GROUPS_<PLATFORM> holds one of .*esim.*pg/);
    }
  });

  test('a variable that is one letter off is named where its groups are looked for', async () => {
    await writeGroups(JSON.stringify(GROUPS));
    const { exitCode, stderr } = await etl(['groups'], { ETL_GROUP_FACEBOOK: '{}' });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('ETL_GROUP_FACEBOOK is set, but nothing reads it; did you mean ETL_GROUPS_FACEBOOK?');
  });

  test('no configuration at all says where it was looked for', async () => {
    const { exitCode, stderr } = await etl(['run', 'pg', 'shop']);
    expect(exitCode).toBe(78);
    expect(stderr).toContain('ETL_GROUPS_PG is not set and secrets/pg.json does not exist');
  });

  test('the folder of the files can be another one', async () => {
    await writeGroups(JSON.stringify(GROUPS), 'elsewhere');
    const { exitCode, stdout } = await etl(['groups'], { ETL_SECRETS_DIR: 'elsewhere' });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('elsewhere/pg.json');
  });

  test('the variable wins over the file, plain or in base64', async () => {
    await writeGroups('{}');
    const text = JSON.stringify(GROUPS);
    for (const value of [text, Buffer.from(text).toString('base64'), `${Buffer.from(text).toString('base64')}\n`]) {
      const { exitCode, stdout, stderr } = await etl(['groups', '--json'], { ETL_GROUPS_PG: value });
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      expect(JSON.parse(stdout)).toEqual([{ platform: 'pg', groups: ['shop', 'dashboard'], origin: 'ETL_GROUPS_PG' }]);
    }
  });

  test('malformed JSON is reported by its place, never by its text', async () => {
    await writeGroups('{ "shop": {\n  "connection_string": postgres://etl:s3cr3t@db/shop } }');
    const { exitCode, output } = await etl(['run', 'pg', 'shop']);
    expect(exitCode).toBe(78);
    expect(output).toContain('secrets/pg.json cannot be read: it is not JSON');
    expect(output).not.toContain('s3cr3t');
    expect(output).not.toContain('postgres://');
    await writeGroups('{ "shop": {\n  "connection_string": "postgres://etl:s3cr3t@db/shop", } }');
    expect((await etl(['run', 'pg', 'shop'])).output).toContain('it is not JSON (line 2 column');
  });

  test('malformed base64 is reported, never repeated', async () => {
    const { exitCode, output } = await etl(['run', 'pg', 'shop'], { ETL_GROUPS_PG: 's3cr3t-but-not-base64' });
    expect(exitCode).toBe(78);
    expect(output).toContain('ETL_GROUPS_PG cannot be read');
    expect(output).not.toContain('s3cr3t');
  });

  test('a name that stands twice is refused, for one of the two would be lost', async () => {
    const shop = JSON.stringify(GROUPS.shop);
    for (const text of [`{"shop": ${shop}, "shop": ${shop}}`, `{"shop": {"slot": "a", "s\\u006cot": "b"}}`]) {
      await writeGroups(text);
      const { exitCode, stderr } = await etl(['groups']);
      expect(exitCode).toBe(78);
      expect(stderr).toMatch(/secrets\/pg\.json cannot be read: (shop|slot) stands twice in one object/);
    }
    await writeGroups(`{"shop": ${shop}, "other": {"tables": ["shop", "\\"shop\\": {"], "slot": "shop"}}`);
    expect((await etl(['groups'])).stdout).toContain('shop, other');
  });

  test('a file without a group is told from one that is not there', async () => {
    await writeGroups('{}');
    for (const args of [
      ['run', 'pg'],
      ['run', 'pg', 'shop'],
    ]) {
      const { exitCode, stderr } = await etl(args);
      expect(exitCode).toBe(78);
      expect(stderr).toContain('No groups are configured for pg: secrets/pg.json holds none.');
    }
    expect((await etl(['groups'])).stderr).toContain('GROUPS_MISSING');
  });

  test('accounts are text, each of them once', async () => {
    const facebook = (accountIds: string) => ({
      ETL_GROUPS_FACEBOOK: `{"d1": {"token": "t", "account_ids": ${accountIds}}}`,
    });
    const number = await etl(['plan', 'facebook', 'd1'], facebook('[1234567890123456789]'));
    expect(number.stderr).toContain('account_ids.0: must be text, in quotation marks');
    const twice = await etl(['plan', 'facebook', 'd1'], facebook('["1", "act_1"]'));
    expect(twice.exitCode).toBe(78);
    expect(twice.stderr).toContain('account_ids: names an account twice');
  });

  test('a list of groups is not an object of groups', async () => {
    const { exitCode, stderr } = await etl(['groups'], { ETL_GROUPS_PG: Buffer.from('["shop"]').toString('base64') });
    expect(exitCode).toBe(78);
    expect(stderr).toContain('it is not an object of groups');
  });

  test('a wrong group is reported by group and field, never by value', async () => {
    const wrong = {
      shop: { connection_string: 'mysql://etl:s3cr3t@db/shop', schemas: 'public', shcema: 'x', dataset: 'S3cr3t Name' },
    };
    const { exitCode, output } = await etl(['run', 'pg', 'shop'], { ETL_GROUPS_PG: JSON.stringify(wrong) });
    expect(exitCode).toBe(78);
    expect(output).toContain('Group shop in ETL_GROUPS_PG is not usable');
    for (const field of ['connection_string: must start with', 'schemas: ', 'shcema: unknown field', 'dataset: ']) {
      expect(output).toContain(field);
    }
    expect(output).not.toMatch(/s3cr3t/i);
  });

  test.each(['postgres://etl:<password, percent-encoded>@db/shop', 'postgres://etl:…@db/shop'])(
    'a placeholder that was never filled in is not a password: %s',
    async (connection_string) => {
      const { exitCode, output } = await etl(['check', 'pg', 'shop', '--json'], {
        ETL_GROUPS_PG: JSON.stringify({ shop: { connection_string } }),
      });
      expect(exitCode).toBe(78);
      expect(output).toContain('connection_string: still holds a placeholder');
    },
  );

  test('a missing field is called missing', async () => {
    const { stderr } = await etl(['run', 'pg', 'shop'], { ETL_GROUPS_PG: '{"shop":{}}' });
    expect(stderr).toContain('connection_string: missing');
  });

  test('one wrong group does not keep the others from being used', async () => {
    const mixed = JSON.stringify({ ...GROUPS, broken: {} });
    const { exitCode } = await etl(['run', 'pg', 'shop', '--embedded'], { ETL_GROUPS_PG: mixed });
    expect(exitCode).toBe(75);
  });

  test('the list never shows a secret', async () => {
    await writeGroups(JSON.stringify(GROUPS));
    const { output } = await etl(['groups']);
    expect(output).toContain('shop, dashboard');
    expect(output).not.toContain('s3cr3t');
  });

  test('.env is read, and what is set already wins over it', async () => {
    await writeGroups(JSON.stringify(GROUPS), 'first');
    await writeGroups(JSON.stringify({ other: GROUPS.shop }), 'second');
    await writeFile(join(directory.path, '.env'), 'ETL_SECRETS_DIR=first\n');
    expect((await etl(['groups'])).stdout).toContain('shop, dashboard');
    expect((await etl(['groups'], { ETL_SECRETS_DIR: 'second' })).stdout).toContain('other');
  });
});
