import type { Destination, DestinationSession, LoadPackage, StreamSpec } from '@etl/core';

/** What a mistake makes of loads, sessions and the destination; parts that are absent stay as they are. */
export interface Mistake {
  readonly destination?: (destination: Destination) => Partial<Destination>;
  readonly session?: (session: DestinationSession) => Partial<DestinationSession>;
  /** `specs`: those prepared in this load so far. */
  readonly load?: (
    load: Required<LoadPackage>,
    specs: ReadonlyMap<string, StreamSpec>,
    session: DestinationSession,
  ) => Partial<LoadPackage>;
}

/** The destination with a mistake. */
export function mistaken(destination: Destination, { destination: outer, session, load }: Mistake): Destination {
  const changed = withParts(destination, outer?.(destination) ?? {});
  return withParts<Destination>(changed, {
    async open(pipeline, options) {
      const opened = await changed.open(pipeline, options);
      const made = withParts(opened, session?.(opened) ?? {});
      return withParts<DestinationSession>(made, {
        async beginLoad(given) {
          const begun = (await made.beginLoad(given)) as Required<LoadPackage>;
          const specs = new Map<string, StreamSpec>();
          const known = withParts<Required<LoadPackage>>(begun, {
            prepare: async (spec) => {
              specs.set(spec.name, spec);
              return begun.prepare(spec);
            },
          });
          return withParts<LoadPackage>(known, load?.(known, specs, opened) ?? {});
        },
      });
    },
  });
}

function withParts<T extends object>(target: T, parts: Partial<T>): T {
  return new Proxy(target, {
    get(of, name) {
      const owner = name in parts ? parts : of;
      const value: unknown = Reflect.get(owner, name, owner);
      return typeof value === 'function' ? (value.bind(owner) as unknown) : value;
    },
  });
}
