import { EtlError } from '@etl/core';
import { clickhouse } from '../../src/index.ts';
import { say } from '../child-program.ts';
import { catchUp } from './catch-up.ts';

/** The process that is stopped and woken: one run of one load. */
const [url = '', database = '', seed = '1', target = '1'] = process.argv.slice(2);
try {
  await using destination = clickhouse({ url, database, dataset: 'kill', retryWaitMs: 1 });
  await using session = await destination.open('zombie');
  say({ code: `ended well after ${await catchUp(session, Number(seed), Number(target))} loads` });
} catch (error) {
  say({ code: EtlError.isInstance(error) ? error.code : String(error), message: String(error) });
  process.exitCode = 1;
}
