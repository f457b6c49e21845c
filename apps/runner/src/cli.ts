#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { EXIT_OK, EXIT_USAGE } from './exit-code.ts';
import { runCommand } from './command-context.ts';
import { platformNames, platformTitles } from './registry.ts';

// Each command is imported when it is called: help and errors of usage stay fast.
const program = new Command('etl')
  .description('Brings platforms and databases into ClickHouse, exactly once.')
  .showSuggestionAfterError()
  .showHelpAfterError('(etl --help lists the commands)')
  .helpCommand(false)
  .exitOverride()
  .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
  .addHelpText('after', `\nPlatforms:\n${platformLines()}`);

program
  .command('run')
  .description('load what is due of one group')
  .usage('[options] <platform> <group>')
  .argument('<platform>', `one of: ${platformNames().join(', ')}`)
  .argument('[group]', 'name of a configured group; etl groups lists them')
  .option('--stream <names...>', 'only these streams')
  .option('--full-refresh', 'forget positions and read everything anew')
  .option('--embedded', 'load into the embedded database, whatever the environment says')
  .option('--json', 'report on stdout as JSON')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string, group: string | undefined, options) => {
    const { runGroup } = await import('./commands/run.ts');
    await runCommand(runGroup(platform, group, options), {
      ...options,
      subject: subjectOf(platform, group),
      isTimed: true,
    });
  });

program
  .command('check')
  .description('prove configuration, credentials and permissions of source and destination')
  .argument('[platform]', 'default: every configured platform')
  .argument('[group]', 'default: every configured group')
  .option('--embedded', 'check the embedded database instead of the configured one')
  .option('--json', 'result on stdout as JSON')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string | undefined, group: string | undefined, options) => {
    const { checkGroups } = await import('./commands/check.ts');
    await runCommand(checkGroups(platform, group, options), options);
  });

program
  .command('discover')
  .description('list the streams of a group with their keys and columns')
  .usage('[options] <platform> <group>')
  .argument('<platform>', `one of: ${platformNames().join(', ')}`)
  .argument('[group]', 'name of a configured group; etl groups lists them')
  .option('--json', 'stream specifications as JSON')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string, group: string | undefined, options) => {
    const { discoverStreams } = await import('./commands/discover.ts');
    await runCommand(discoverStreams(platform, group, options), {
      ...options,
      subject: subjectOf(platform, group),
    });
  });

program
  .command('groups')
  .description('list the configured groups, never their secrets')
  .option('--json', 'as JSON')
  .action(async (options) => {
    const { listGroups } = await import('./commands/groups.ts');
    await runCommand(listGroups(options), options);
  });

program
  .command('sql')
  .description('run a query at a destination, the embedded one included')
  .argument('<query>', 'SQL of ClickHouse')
  .option('--destination <name>', 'a destination by name, or demo', 'clickhouse')
  .option('--format <format>', 'a ClickHouse format (default: a table on a terminal, TSVWithNames otherwise)')
  .addOption(new Option('--json', 'the result as one JSON document (the format JSON)').conflicts('format'))
  .option('--embedded', 'ask the embedded database, whatever the environment says')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (query: string, options) => {
    const { runSql } = await import('./commands/sql.ts');
    await runCommand(runSql(query, options), { verbose: options.verbose, json: options.json });
  });

program
  .command('demo')
  .description('replicate a made-up travel shop from a real PostgreSQL into an embedded ClickHouse')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (options) => {
    const { runDemo } = await import('./commands/demo.ts');
    await runCommand(runDemo(), { ...options, subject: 'demo' });
  });

function platformLines(): string {
  return [...platformTitles()].map(([name, title]) => `  ${name.padEnd(20)}${title}`).join('\n');
}

function subjectOf(platform: string, group: string | undefined): string {
  return group === undefined ? platform : `${platform} ${group}`;
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === EXIT_OK ? EXIT_OK : EXIT_USAGE;
}
