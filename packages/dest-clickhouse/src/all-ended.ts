/** Resolves when all works have ended. @throws why one of them failed, when none runs any more. */
export async function allEnded(works: readonly Promise<unknown>[]): Promise<void> {
  for (const end of await Promise.allSettled(works)) if (end.status === 'rejected') throw end.reason;
}
