import { expect, it } from 'vitest';
import { clusterSmoke } from '../bench/cluster/cluster-smoke.ts';
import { EngineFront } from '../bench/engine-front.ts';

it('finds nothing wrong with loads through two addresses of one server', { timeout: 120_000 }, async () => {
  await using front = new EngineFront();
  const urls = [(await front.openDoor()).url, (await front.openDoor()).url];
  expect(await clusterSmoke({ urls, claims: 10, rounds: 2, settleMs: 5000 })).toEqual({
    flavour: 'single',
    replicas: 2,
    numbersClaimed: 20,
    loads: 4,
    killed: 2,
    rolledForward: 1,
    wrong: [],
  });
});
