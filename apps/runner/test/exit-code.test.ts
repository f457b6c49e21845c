import { EtlError, type ErrorKind, type PipelineFailure, type PipelineReport } from '@etl/core';
import { describe, expect, test } from 'vitest';
import { exitCodeOfKind, exitCodeOfReport } from '../src/exit-code.ts';
import { problemOf } from '../src/problem.ts';
import { Interruption } from '../src/signals.ts';
import { UsageError } from '../src/usage-error.ts';

function report(status: PipelineReport['status'], kinds: readonly ErrorKind[]): PipelineReport {
  const failures: PipelineFailure[] = kinds.map((kind, index) => ({
    stream: `s${index}`,
    error: new EtlError({ code: 'X', kind, message: 'x' }),
  }));
  return {
    pipeline: 'pg_shop',
    status,
    failures,
    streams: [],
    calls: [],
    accounts: [],
    loads: [],
    rolledForward: [],
    isUnfinished: false,
    schemaChanges: [],
    rows: 0,
    durationMs: 0,
  };
}

describe('exit codes', () => {
  test('every kind of error has the code of the contract', () => {
    const codes: Record<ErrorKind, number> = {
      config: 78,
      auth: 77,
      permission: 77,
      'rate-limit': 75,
      transient: 75,
      data: 65,
      schema: 65,
      state: 70,
      internal: 70,
    };
    for (const [kind, code] of Object.entries(codes)) expect(exitCodeOfKind(kind as ErrorKind)).toBe(code);
  });

  test('a run is 0 when all is good and 1 when some of it is', () => {
    expect(exitCodeOfReport(report('ok', []))).toBe(0);
    expect(exitCodeOfReport(report('partial', ['auth']))).toBe(1);
  });

  test('a run of which nothing is good has the code that its failures share', () => {
    expect(exitCodeOfReport(report('failed', ['data', 'schema']))).toBe(65);
    expect(exitCodeOfReport(report('failed', ['auth', 'permission']))).toBe(77);
    expect(exitCodeOfReport(report('failed', ['auth', 'transient']))).toBe(1);
  });

  test('usage, signals and defects have theirs', () => {
    expect(problemOf(new UsageError({ code: 'X', message: 'x' })).exitCode).toBe(2);
    expect(problemOf(new Interruption('SIGINT')).exitCode).toBe(130);
    expect(problemOf(new Interruption('SIGTERM')).exitCode).toBe(143);
    expect(problemOf(new TypeError('x')).exitCode).toBe(70);
  });
});
