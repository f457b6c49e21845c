import { deepStrictEqual, ok } from 'node:assert/strict';
import type { JsonValue, StreamMemory } from '@etl/core';
import { plannedSlices, readSlice, textOf } from './read-slice.ts';
import type { SourceFixture } from './source-fixture.ts';

export async function checkMemory(fixture: SourceFixture): Promise<void> {
  const kept = new Map<string, JsonValue>();
  const memory = (stream: string): StreamMemory => ({
    async get(key) {
      return structuredClone(kept.get(`${stream} ${key}`));
    },
    async set(key, value) {
      if (value === null) kept.delete(`${stream} ${key}`);
      else kept.set(`${stream} ${key}`, structuredClone(value));
    },
  });
  const read = async (hasMemory: boolean): Promise<{ readonly rows: readonly string[]; readonly calls: number }> => {
    const source = fixture.createSource();
    try {
      const before = fixture.requests();
      const request = { now: fixture.now, ...(hasMemory ? { memory } : {}) };
      const rows: string[] = [];
      for (const planned of await plannedSlices(source, request))
        rows.push(...textOf(await readSlice(source, planned, request)));
      return { rows, calls: fixture.requests() - before };
    } finally {
      await source[Symbol.asyncDispose]();
    }
  };
  const without = await read(false);
  const first = await read(true);
  const second = await read(true);
  deepStrictEqual(first.rows, without.rows, 'an empty memory changes rows');
  deepStrictEqual(second.rows, without.rows, 'a memory of an earlier run changes rows');
  ok(second.calls <= first.calls, 'a memory costs calls');
}
