import { crc32, createInflateRaw } from 'node:zlib';
import { EtlError } from '../etl-error.ts';
import { DecompressionMeter, type DecompressionLimits } from './decompression-limits.ts';
import { corrupt, inflate, truncated } from './inflate.ts';

/** One file of an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes of its content. */
  readonly size: number;
  /**
   * Its content. Ending without an error promises that size and checksum were right.
   *
   * @throws COMPRESSED_FILE_TRUNCATED, COMPRESSED_FILE_CORRUPT, DECOMPRESSION_LIMIT_REACHED
   */
  content(): AsyncGenerator<Uint8Array, void, undefined>;
}

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
const IN_ZIP64 = 0xffffffff;

/**
 * The files of a zip archive, by its central directory, which stands at its end: an archive that
 * was cut short has none. The limits are for each file. Encrypted, split and ZIP64 archives are
 * refused.
 *
 * @throws COMPRESSED_FILE_TRUNCATED, COMPRESSED_FILE_CORRUPT, ZIP_UNSUPPORTED
 */
export function unzip(archive: Uint8Array, limits: DecompressionLimits = {}): readonly ZipEntry[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = endOfDirectory(bytes);
  const count = bytes.readUInt16LE(end + 10);
  const size = bytes.readUInt32LE(end + 12);
  let offset = bytes.readUInt32LE(end + 16);
  if (offset === IN_ZIP64 || count === 0xffff) throw unsupported('ZIP64');
  if (bytes.readUInt16LE(end + 4) !== 0 || bytes.readUInt16LE(end + 8) !== count) throw unsupported('split archives');
  if (offset + size > end) throw truncated('zip');
  const entries: ZipEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    if (offset + 46 > end || bytes.readUInt32LE(offset) !== CENTRAL_SIGNATURE) {
      throw corrupt('zip', 'its directory is damaged');
    }
    const nameBytes = bytes.readUInt16LE(offset + 28);
    const name = bytes.toString('utf8', offset + 46, offset + 46 + nameBytes);
    entries.push(entryAt(bytes, offset, name, limits));
    offset += 46 + nameBytes + bytes.readUInt16LE(offset + 30) + bytes.readUInt16LE(offset + 32);
  }
  return entries.filter(({ name }) => !name.endsWith('/'));
}

function endOfDirectory(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - END_BYTES - LONGEST_COMMENT);
  for (let offset = bytes.length - END_BYTES; offset >= first; offset -= 1) {
    const isEnd = bytes.readUInt32LE(offset) === END_SIGNATURE;
    // A comment may hold the signature too, but then its length does not lead to the end of the file.
    if (isEnd && offset + END_BYTES + bytes.readUInt16LE(offset + 20) === bytes.length) return offset;
  }
  if (bytes.length >= 4 && bytes.readUInt32LE(0) !== LOCAL_SIGNATURE) throw corrupt('zip', 'it is none');
  throw truncated('zip');
}

function entryAt(bytes: Buffer, offset: number, name: string, limits: DecompressionLimits): ZipEntry {
  const flags = bytes.readUInt16LE(offset + 8);
  const method = bytes.readUInt16LE(offset + 10);
  const checksum = bytes.readUInt32LE(offset + 16);
  const compressedSize = bytes.readUInt32LE(offset + 20);
  const size = bytes.readUInt32LE(offset + 24);
  const local = bytes.readUInt32LE(offset + 42);
  if (compressedSize === IN_ZIP64 || size === IN_ZIP64 || local === IN_ZIP64) throw unsupported('ZIP64');
  if ((flags & ENCRYPTED) !== 0) throw unsupported('encryption');
  if (method !== STORED && method !== DEFLATED) throw unsupported(`compression method ${method}`);
  return {
    name,
    size,
    async *content() {
      if (local + 30 > bytes.length || bytes.readUInt32LE(local) !== LOCAL_SIGNATURE) {
        throw corrupt('zip', 'its directory does not lead to its files');
      }
      const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
      if (start + compressedSize > bytes.length) throw truncated('zip');
      const data = bytes.subarray(start, start + compressedSize);
      const meter = new DecompressionMeter(limits);
      let found = 0;
      for await (const part of method === STORED ? stored(data, meter) : deflated(data, meter)) {
        found = crc32(part, found);
        yield part;
      }
      if (meter.bytesOut !== size) throw corrupt('zip', 'a file has not the size that its directory says');
      if (found !== checksum) throw corrupt('zip', 'a checksum is wrong');
    },
  };
}

function* stored(data: Buffer, meter: DecompressionMeter): Generator<Uint8Array> {
  meter.bytesIn += data.length;
  meter.addOut(data.length);
  if (data.length > 0) yield data;
}

function deflated(data: Buffer, meter: DecompressionMeter): AsyncGenerator<Uint8Array> {
  return inflate([data], createInflateRaw(), 'zip', meter);
}

function unsupported(what: string): EtlError {
  return new EtlError({
    code: 'ZIP_UNSUPPORTED',
    kind: 'data',
    message: `A zip file uses ${what}, which is not supported.`,
    hint: 'Ask the platform for another format, such as gzip.',
  });
}
