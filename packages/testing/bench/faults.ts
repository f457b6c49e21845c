// Every fault at every request of a sample source over real sockets; exit code 1 when one ends wrong:
//   node packages/testing/bench/faults.ts
import process from 'node:process';
import { faultOutcomes, type FaultOutcome } from '../src/index.ts';
import { sampleFixture } from '../test/sample/sample-fixture.ts';

await using fixture = await sampleFixture();
const byFault = new Map<string, FaultOutcome[]>();
for await (const outcome of faultOutcomes(fixture)) {
  byFault.set(outcome.fault, [...(byFault.get(outcome.fault) ?? []), outcome]);
}
for (const [fault, outcomes] of byFault) {
  const count = (wanted: FaultOutcome['outcome']): number =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  const codes = [...new Set(outcomes.flatMap(({ detail }) => detail ?? []))].join(', ');
  const wrong = count('wrong');
  if (wrong > 0) process.exitCode = 1;
  const counts = `requests ${outcomes.length}  right ${count('right')}  loud ${count('loud')}`;
  process.stdout.write(`${fault.padEnd(24)} ${counts}  ${wrong > 0 ? `WRONG ${wrong}` : 'wrong 0'}  ${codes}\n`);
}
