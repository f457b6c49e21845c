import { createGunzip } from 'node:zlib';
import { DecompressionMeter, type DecompressionLimits } from './decompression-limits.ts';
import { inflate } from './inflate.ts';

/**
 * The content of a gzip file as it arrives. Ending without an error promises that the file was
 * whole and its checksum right.
 *
 * @throws COMPRESSED_FILE_TRUNCATED, COMPRESSED_FILE_CORRUPT, DECOMPRESSION_LIMIT_REACHED
 */
export function gunzip(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: DecompressionLimits = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  return inflate(source, createGunzip(), 'gzip', new DecompressionMeter(limits));
}
