/**
 * Seed of the random parts of a suite: `ETL_SEED`, or another one in every run. Whoever uses it puts
 * it into the message of a failure, so that the failure can be seen again.
 */
export function suiteSeed(): number {
  const given = process.env['ETL_SEED'];
  return given === undefined || given === '' ? Date.now() % 2 ** 31 : Number(given);
}
