import { Readable, pipeline } from 'node:stream';
import type { Gunzip, InflateRaw } from 'node:zlib';
import { EtlError } from '../etl-error.ts';
import type { DecompressionMeter } from './decompression-limits.ts';

/** Streams bytes through one of zlib's engines. Errors of the source come out as they are. */
export async function* inflate(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  engine: Gunzip | InflateRaw,
  format: 'gzip' | 'zip',
  meter: DecompressionMeter,
): AsyncGenerator<Uint8Array, void, undefined> {
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const part of source) {
      meter.bytesIn += part.byteLength;
      yield part;
    }
  };
  pipeline(Readable.from(counted(), { objectMode: false, highWaterMark: 2 ** 16 }), engine, () => undefined);
  try {
    for await (const part of engine as AsyncIterable<Buffer>) {
      meter.addOut(part.byteLength);
      yield part;
    }
  } catch (error) {
    throw zlibError(error, format);
  }
}

export function truncated(format: 'gzip' | 'zip'): EtlError {
  return new EtlError({
    code: 'COMPRESSED_FILE_TRUNCATED',
    kind: 'transient',
    message: `A ${format} file ends too early.`,
    hint: 'Run again: the file was cut short on its way, or was not finished yet.',
    context: { format },
  });
}

export function corrupt(format: 'gzip' | 'zip', what: string): EtlError {
  return new EtlError({
    code: 'COMPRESSED_FILE_CORRUPT',
    kind: 'data',
    message: `A ${format} file cannot be read: ${what}.`,
    hint: 'Run again; report it to the platform if it repeats.',
    context: { format },
  });
}

function zlibError(error: unknown, format: 'gzip' | 'zip'): unknown {
  const { code } = Object(error) as { code?: unknown };
  if (code === 'Z_BUF_ERROR') return truncated(format);
  if (typeof code === 'string' && code.startsWith('Z_')) return corrupt(format, (error as Error).message);
  return error;
}
