import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who holds a pipeline; written into the lock so that others can tell whom they wait for. */
export interface ProcessIdentity {
  readonly instance: string;
  readonly host: string;
  readonly pid: number;
  /** Changes with every boot and container, so that equal process ids are not mistaken for each other. */
  readonly namespace: string;
  readonly since: string;
}

export const thisProcess: ProcessIdentity = {
  instance: randomUUID(),
  host: hostname(),
  pid: process.pid,
  namespace: namespace(),
  since: new Date().toISOString(),
};

function namespace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** True only when the process certainly is gone; a process on another machine never certainly is. */
export function isCertainlyDead(identity: ProcessIdentity): boolean {
  if (identity.instance === thisProcess.instance || thisProcess.namespace === '') return false;
  if (identity.host !== thisProcess.host || identity.namespace !== thisProcess.namespace) return false;
  try {
    process.kill(identity.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
