import { Random } from '../random.ts';
import type { Fault, FaultKind, FaultRule } from './fault.ts';
import { matchesGlob } from './glob.ts';

/** What a fault is matched against. */
export interface FaultSubject {
  readonly platform: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

interface PlannedFault {
  readonly id: number;
  readonly rule: FaultRule;
  readonly random: Random;
  matched: number;
  met: number;
}

export interface FaultState {
  readonly id: number;
  readonly rule: FaultRule;
  /** Requests that have met it. */
  readonly met: number;
}

/** The faults that were ordered, in their order: a request meets the first that it matches. */
export class FaultPlan {
  readonly #seed: string;
  #faults: PlannedFault[] = [];
  #lastId = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  add(rule: FaultRule): number {
    this.#lastId += 1;
    const random = new Random(`${this.#seed}|fault|${this.#lastId}`);
    this.#faults.push({ id: this.#lastId, rule, random, matched: 0, met: 0 });
    return this.#lastId;
  }

  /** The fault of this request, if its kind is among those that can be imitated here. */
  take(subject: FaultSubject, canBe: (kind: FaultKind) => boolean): Fault | undefined {
    for (const fault of this.#faults) {
      const { rule } = fault;
      const times = rule.times ?? (rule.probability === undefined ? 1 : Number.POSITIVE_INFINITY);
      if (fault.met >= times || !canBe(rule.kind) || !matches(rule, subject)) continue;
      fault.matched += 1;
      if (fault.matched <= (rule.after ?? 0)) continue;
      if (rule.probability !== undefined && !fault.random.chance(rule.probability)) continue;
      fault.met += 1;
      return rule;
    }
    return undefined;
  }

  list(): FaultState[] {
    return this.#faults.map(({ id, rule, met }) => ({ id, rule, met }));
  }

  clear(): void {
    this.#faults = [];
  }
}

function matches({ match }: FaultRule, subject: FaultSubject): boolean {
  if (match === undefined) return true;
  return (
    (match.platform === undefined || match.platform === subject.platform) &&
    (match.method === undefined || match.method === subject.method) &&
    (match.path === undefined || matchesGlob(subject.path, match.path)) &&
    Object.entries(match.parameters ?? {}).every(([name, pattern]) =>
      matchesGlob(subject.parameters[name] ?? '', pattern),
    )
  );
}
