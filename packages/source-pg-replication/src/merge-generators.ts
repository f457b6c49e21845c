type Values<T> = AsyncGenerator<T, void, undefined>;

/**
 * Yields what several generators yield, as it comes. Each is asked for its next value only when its
 * last one has been taken and another is wanted; when one fails or the caller stops, all are ended.
 */
export async function* mergeGenerators<T>(generators: readonly Values<T>[]): Values<T> {
  const asked = new Map<
    Values<T>,
    Promise<{ readonly generator: Values<T>; readonly result: IteratorResult<T, void> }>
  >();
  const ask = (generator: Values<T>): void => {
    const next = generator.next().then((result) => ({ generator, result }));
    // Raced below; until then it must not count as unhandled.
    next.catch(() => undefined);
    asked.set(generator, next);
  };
  try {
    for (const generator of generators) ask(generator);
    while (asked.size > 0) {
      const { generator, result } = await Promise.race(asked.values());
      asked.delete(generator);
      if (result.done === true) continue;
      yield result.value;
      ask(generator);
    }
  } finally {
    // One that is busy ends when it is cut off; nobody waits for that here.
    for (const generator of generators) void generator.return(undefined).catch(() => undefined);
  }
}
