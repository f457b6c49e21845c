// Every fault at every request of a sample source over real sockets, as a table; exit code 1 when one ends wrong:
//   node packages/testing/bench/faults.ts
import process from 'node:process';
import { faultOutcomes, type FaultOutcome } from '../src/index.ts';
import { sampleFixture } from '../test/sample/sample-fixture.ts';

const SIGNS: Readonly<Record<FaultOutcome['outcome'], string>> = { right: '·', loud: '!', wrong: 'X' };

await using fixture = await sampleFixture();
const byFault = new Map<string, FaultOutcome[]>();
for await (const outcome of faultOutcomes(fixture)) {
  byFault.set(outcome.fault, [...(byFault.get(outcome.fault) ?? []), outcome]);
}
const all = [...byFault.values()].flat();
const most = Math.max(...all.map(({ request }) => request));
const positions = Array.from({ length: most }, (_, index) => index + 1);

process.stdout.write(`·  the rows of the platform   !  an error of a kind that fits   X  anything else\n\n`);
process.stdout.write(`${'fault \\ request'.padEnd(24)} ${positions.map((at) => String(at).padStart(2)).join(' ')}\n`);
for (const [fault, outcomes] of byFault) {
  const cells = positions.map((at) => {
    const outcome = outcomes.find(({ request }) => request === at);
    return (outcome === undefined ? '' : SIGNS[outcome.outcome]).padStart(2);
  });
  const codes = [...new Set(outcomes.flatMap(({ detail }) => detail ?? []))].join(', ');
  process.stdout.write(`${fault.padEnd(24)} ${cells.join(' ')}  ${codes}\n`);
}
const count = (wanted: FaultOutcome['outcome']): number => all.filter(({ outcome }) => outcome === wanted).length;
process.stdout.write(
  `\n${all.length} cells: ${count('right')} right, ${count('loud')} loud, ${count('wrong')} wrong\n`,
);
if (count('wrong') > 0) process.exitCode = 1;
