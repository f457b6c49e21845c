import { defineSource, type Source } from '@etl/core';
import { createHttpClient, fixedHeaders, type Clock } from '@etl/core/http';
import { buggySource, type Bug } from './sample-bug.ts';
import { EVENTS, readEvents } from './sample-events.ts';
import { insights } from './sample-insights.ts';

export interface SampleOptions {
  readonly baseUrl: string;
  readonly token: string;
  readonly clock: Clock;
  readonly bug?: Bug;
}

/** A source as an author would write it; with a bug, as an author might. */
export function sampleSource({ baseUrl, token, clock, bug }: SampleOptions): Source {
  const http = createHttpClient({
    baseUrl,
    clock,
    authorization: fixedHeaders({ authorization: `Bearer ${token}` }),
    secrets: [token],
  });
  const daily = defineSource({
    name: 'sample',
    streams: { insights: insights(http, bug) },
    check: async ({ signal }) => {
      await http.json('reports', { signal, query: { account: '7', since: '2026-01-01', until: '2026-01-02' } });
    },
  });
  const source: Source = {
    ...daily,
    discover: async () => [...(await daily.discover()), EVENTS.stream],
    plan: async (request) => [...((await daily.plan?.(request)) ?? []), EVENTS],
    async *read(request = {}) {
      yield* daily.read(request);
      if (!(request.streams?.includes('events') ?? true)) return;
      if ((request.slices?.['events'] ?? EVENTS.slices).length > 0) yield* readEvents(http, request, bug);
    },
  };
  return bug === undefined ? source : buggySource(source, bug);
}
