#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { Command, CommanderError, Option } from 'commander';
import { EXIT_OK, EXIT_USAGE } from './exit-code.ts';
import { reportFailure, runCommand } from './command-context.ts';
import { platformNames, platformTitles } from './registry.ts';

// Most of the time to the first request is spent on compiling what is the same in every run.
enableCompileCache();

const EXAMPLES = `
Examples:
  etl check                     is everything configured as it has to be?
  etl plan facebook d1          what would a run read now?
  etl run facebook d1           load what is due
  etl status                    how fresh is everything?

First steps: docs/getting-started.md. Exit codes and errors: docs/errors.md. Variables: docs/configuration.md.`;

// Each command is imported when it is called: help and errors of usage stay fast.
const program = new Command('etl')
  .description('Brings platforms and databases into ClickHouse, exactly once.')
  .showSuggestionAfterError()
  .helpCommand('help [command]', 'the options of a command')
  .exitOverride()
  // It is reported in the form of all errors, below.
  .configureOutput({ outputError: () => undefined })
  .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
  .addHelpText('after', `\nPlatforms:\n${platformLines()}`)
  .addHelpText('after', EXAMPLES);

const GROUP = 'name of a configured group; etl groups lists them';

/** A command about one group. */
function groupCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .usage('[options] <platform> <group>')
    .argument('<platform>', `one of: ${platformNames().join(', ')}`)
    .argument('[group]', GROUP);
}

/** Options of everything that says what a run reads. */
function withRequest(command: Command): Command {
  return command
    .option('--stream <names...>', 'only these streams; of PostgreSQL only what is copied, changes come for all')
    .option('--from <day>', 'backfill from this day on, such as 2026-11-01')
    .option('--to <day>', 'the last day of the backfill, included (default: today)')
    .option('--only-missing', 'of a backfill, only what is not good')
    .option('--dataset <name>', 'tables of a trial; needs PIPELINE_NAME_SUFFIX')
    .option('--embedded', 'use the embedded database, whatever the environment says')
    .option('--json', 'report on stdout as JSON')
    .option('--verbose', 'logs and stacks on stderr');
}

/** Options of everything that loads. */
function withLimits(command: Command): Command {
  return command
    .option('--accept-shrink', 'publish slices although they have far fewer rows than before')
    .option('--deadline <duration>', 'begin nothing new after it, such as 45m; work that is left is exit 75')
    .option('--concurrency <n>', 'most reads at the same time; of one account never more than one (default: 4)');
}

withLimits(withRequest(groupCommand(program, 'run', 'load what is due of one group')))
  .option('--backfill-days <n>', 'backfill the last n days (also by the variable of the platform)')
  .option('--full-refresh', 'forget positions and read everything anew')
  .option('--max-rows <n>', 'end a log at the first commit after this many rows; what is left is exit 75')
  .option('--follow', 'read a log on and on, until SIGINT or SIGTERM ends it in order')
  .option('--flush-rows <n>', 'with --follow: load at the latest after this many rows (default: 100000)')
  .option('--flush-bytes <size>', 'with --follow: and after this much (default: 32MB)')
  .option('--flush-age <duration>', 'with --follow: and when a row has waited this long (default: 5s)')
  .option('--max-slot-lag <size>', 'fail when the slot keeps more of the log than this, such as 8GB')
  .option('--drop-slot-over-limit', 'then drop the slot instead, and copy all tables anew')
  .option('--dry-run', 'as etl plan: say what would be read and defined, write nothing')
  .action(async (platform: string, group: string | undefined, options) => {
    const flags = { ...options, subject: subjectOf(platform, group), isTimed: true };
    if (options.dryRun === true) {
      const { planGroup } = await import('./commands/plan.ts');
      return runCommand(planGroup(platform, group, options), flags);
    }
    const { runGroup } = await import('./commands/run.ts');
    return runCommand(runGroup(platform, group, options), flags);
  });

withLimits(withRequest(groupCommand(program, 'backfill', 'load days again, or those that are missing')))
  .option('--days <n>', 'the last n days, instead of --from and --to')
  .action(async (platform: string, group: string | undefined, options) => {
    const { backfillGroup } = await import('./commands/backfill.ts');
    await runCommand(backfillGroup(platform, group, options), {
      ...options,
      subject: subjectOf(platform, group),
      isTimed: true,
    });
  });

withRequest(groupCommand(program, 'plan', 'say what a run would read and define now; write nothing'))
  .option('--backfill-days <n>', 'with a backfill of the last n days')
  .option('--full-refresh', 'as if everything were read anew')
  .action(async (platform: string, group: string | undefined, options) => {
    const { planGroup } = await import('./commands/plan.ts');
    await runCommand(planGroup(platform, group, options), { ...options, subject: subjectOf(platform, group) });
  });

groupCommand(program, 'verify', 'compare source and destination at one position, row by row where they differ')
  .option('--table <names...>', 'only these tables, by the names of their streams')
  .option('--limit <n>', 'most differing rows to name of a table (default: 20)')
  .option('--embedded', 'use the embedded database, whatever the environment says')
  .option('--json', 'result on stdout as JSON')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string, group: string | undefined, options) => {
    const { verifyGroup } = await import('./commands/verify.ts');
    await runCommand(verifyGroup(platform, group, options), { ...options, subject: subjectOf(platform, group) });
  });

program
  .command('status')
  .description('how the pipelines of a destination stand, or one of them')
  .argument('[platform]', 'default: every pipeline of the destination')
  .argument('[group]', GROUP)
  .option('--destination <name>', 'a destination by name, or demo (default: clickhouse)')
  .option('--embedded', 'look at the embedded database, whatever the environment says')
  .option('--json', 'as JSON')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string | undefined, group: string | undefined, options) => {
    const { showStatus } = await import('./commands/status.ts');
    await runCommand(showStatus(platform, group, options), options);
  });

const state = program
  .command('state')
  .description('show, forget or set the positions of a pipeline')
  .helpCommand(false)
  .usage('<show|reset|set> <platform> <group>');

groupCommand(state, 'show', 'positions as JSON on stdout')
  .option('--stream <name>', 'only of this stream')
  .option('--embedded', 'use the embedded database, whatever the environment says')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string, group: string | undefined, options) => {
    const { showState } = await import('./commands/state.ts');
    await runCommand(showState(platform, group, options), { ...options, subject: subjectOf(platform, group) });
  });

groupCommand(state, 'reset', 'forget positions; the next run begins without them')
  .option('--stream <name>', 'only of this stream')
  .option('--yes', 'do not ask')
  .option('--embedded', 'use the embedded database, whatever the environment says')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string, group: string | undefined, options) => {
    const { resetState } = await import('./commands/state.ts');
    await runCommand(resetState(platform, group, options), { ...options, subject: subjectOf(platform, group) });
  });

groupCommand(state, 'set', 'set positions')
  .option('--stream <name>', 'of this stream (default: of the whole source, or all in the file)')
  .option('--partition <name>', 'what of the stream')
  .option('--value <json>', 'the position')
  .option('--file <path>', 'positions as etl state show has written them')
  .option('--yes', 'do not ask')
  .option('--embedded', 'use the embedded database, whatever the environment says')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string, group: string | undefined, options) => {
    const { setState } = await import('./commands/state.ts');
    await runCommand(setState(platform, group, options), { ...options, subject: subjectOf(platform, group) });
  });

groupCommand(program, 'unlock', 'free a pipeline that a dead run holds')
  .option('--yes', 'also from a run that may be alive')
  .option('--embedded', 'use the embedded database, whatever the environment says')
  .option('--json', 'as JSON')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (platform: string, group: string | undefined, options) => {
    const { unlockPipeline } = await import('./commands/unlock.ts');
    await runCommand(unlockPipeline(platform, group, options), { ...options, subject: subjectOf(platform, group) });
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
  .command('sandbox')
  .description('imitate the platforms on this machine, until it is stopped, and print groups that load from them')
  .option('--port <n>', 'of 127.0.0.1; 0 takes a free one (default: 4040)')
  .option('--seed <text>', 'another world')
  .option('--speed <n>', 'seconds of the sandbox in one of yours; 0 stands still (default: 1)')
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (options) => {
    const { runSandbox } = await import('./commands/sandbox.ts');
    await runCommand(runSandbox(options), { ...options, subject: 'sandbox' });
  });

program
  .command('demo')
  .description(
    'a travel shop from a real PostgreSQL, its ads and its eSIM sales from a sandbox, into an embedded ClickHouse',
  )
  .option('--verbose', 'logs and stacks on stderr')
  .action(async (options) => {
    const { runDemo } = await import('./commands/demo.ts');
    await runCommand(runDemo(), { ...options, subject: 'demo' });
  });

function platformLines(): string {
  const width = Math.max(...platformNames().map((name) => name.length));
  return [...platformTitles()].map(([name, title]) => `  ${name.padEnd(width)}  ${title}`).join('\n');
}

function subjectOf(platform: string, group: string | undefined): string {
  return group === undefined ? platform : `${platform} ${group}`;
}

/** `etl`, or with the command that was called: whose help says what is wrong. */
function calledCommand(): string {
  const names: string[] = ['etl'];
  let command: Command | undefined = program;
  for (const word of process.argv.slice(2)) {
    command = command.commands.find((candidate) => candidate.name() === word);
    if (command === undefined) break;
    names.push(word);
  }
  return names.join(' ');
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode === EXIT_OK) process.exitCode = EXIT_OK;
  // Without a command the help was printed, which says enough.
  else if (error.code === 'commander.help') process.exitCode = EXIT_USAGE;
  else {
    const { commandLineError } = await import('./command-line-error.ts');
    const json = process.argv.includes('--json');
    process.exitCode = await reportFailure(commandLineError(error, calledCommand()), { json });
  }
}
