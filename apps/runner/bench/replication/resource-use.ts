/** What a process has taken so far. */
export interface ResourceUse {
  /** Since {@link resourceUse} was called. */
  readonly seconds: number;
  /** Of the whole process from its start on. */
  readonly cpuSeconds: number;
  /** Greatest memory of the process, files that it has mapped included. */
  readonly peakMegabytes: number;
}

/** Measures this process from here on. */
export function resourceUse(): { now(): ResourceUse } {
  const startedAt = performance.now();
  return {
    now: () => {
      const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
      return {
        seconds: (performance.now() - startedAt) / 1000,
        cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
        peakMegabytes: maxRSS / 1024,
      };
    },
  };
}
