import type { EtlError } from '@etl/core';
import { datasetError } from './dataset-error.ts';

export interface VersionDrift {
  readonly declared: string;
  readonly actual: string;
}

const VERSION = /^(\d+)\.(\d+)$/;

/** An error where nothing like the version was reviewed; what differs where only its MAJOR was. */
export function versionProblem(
  dataset: string,
  version: string | undefined,
  reviewed: readonly string[] | undefined,
): EtlError | VersionDrift | undefined {
  if (reviewed === undefined || (version !== undefined && reviewed.includes(version))) return undefined;
  const declared = reviewed.join(', ');
  const [, major] = VERSION.exec(version ?? '') ?? [];
  if (version === undefined || major === undefined || !reviewed.some((one) => one.startsWith(`${major}.`))) {
    return datasetError(
      'ESIM_VERSION_UNKNOWN',
      'schema',
      dataset,
      `has schema version ${major === undefined ? 'none that can be read' : version}, where ${declared} were reviewed`,
      'Review the new version, then add it to the reviewed ones.',
    );
  }
  return { declared, actual: version };
}

/** Whether a version is at least another; one that is not known is. */
export function isFrom(version: string | undefined, since: string | undefined): boolean {
  const [, major = '', minor = ''] = VERSION.exec(version ?? '') ?? [];
  const [, sinceMajor = '', sinceMinor = ''] = VERSION.exec(since ?? '') ?? [];
  if (major === '' || sinceMajor === '') return true;
  return major === sinceMajor ? Number(minor) >= Number(sinceMinor) : Number(major) > Number(sinceMajor);
}
