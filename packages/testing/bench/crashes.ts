// Random histories of runs that die anywhere, over a destination in memory; exit code 1 when one ends wrong:
//   node packages/testing/bench/crashes.ts [histories of each kind] [seed]
import process from 'node:process';
import { liveRandomHistories, memoryDestination, MemoryStore, suiteSeed, type CrashKind } from '../src/index.ts';

const histories = Number(process.argv[2] ?? 5000);
const seed = process.argv[3] === undefined ? suiteSeed() : Number(process.argv[3]);

for (const kind of ['reports', 'log'] satisfies readonly CrashKind[]) {
  const startedAt = performance.now();
  const {
    failure,
    met,
    histories: lived,
  } = await liveRandomHistories(
    kind,
    async () => {
      const store = new MemoryStore();
      return {
        destination: memoryDestination(store),
        restart: async () => memoryDestination(store),
        readRows: async (stream) => store.rows(stream),
        async [Symbol.asyncDispose]() {},
      };
    },
    { histories, seed },
  );
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const verdict = failure === undefined ? 'all end right' : `WRONG: ${failure}`;
  process.stdout.write(`${kind}: ${lived} histories in ${seconds} s, seed ${seed}, ${verdict}\n`);
  process.stdout.write(`  lives ended at ${met.join(', ')}\n`);
  if (failure !== undefined) process.exitCode = 1;
}
