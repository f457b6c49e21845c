import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { expect, it } from 'vitest';
import { gunzip, unzip } from '../../src/http/index.ts';

const text = Array.from({ length: 5000 }, (_, index) => `row ${index},${(index * 7919) % 104_729}`).join('\n');
const content = Buffer.from(text);

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

function* inParts(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

it('reads a gzip file, however it is cut into parts', async () => {
  for (const size of [1000, 65_536]) expect(await collect(gunzip(inParts(gzipSync(content), size)))).toEqual(content);
});

it('reads a gzip file of several members', async () => {
  const both = Buffer.concat([gzipSync('one '), gzipSync('two')]);
  expect((await collect(gunzip([both]))).toString()).toBe('one two');
});

it('sees wherever a gzip file was cut', async () => {
  const file = gzipSync(content);
  await fc.assert(
    fc.asyncProperty(fc.nat(file.length - 1), async (length) => {
      await expect(collect(gunzip(inParts(file.subarray(0, length), 4096)))).rejects.toMatchObject({
        code: 'COMPRESSED_FILE_TRUNCATED',
        kind: 'transient',
      });
    }),
    { numRuns: 60, examples: [[0], [1], [10], [file.length - 1]] },
  );
});

it('sees a changed byte by the checksum', async () => {
  const file = Buffer.from(gzipSync(content));
  file[file.length - 6] = (file[file.length - 6] ?? 0) ^ 1;
  await expect(collect(gunzip([file]))).rejects.toMatchObject({ code: 'COMPRESSED_FILE_CORRUPT', kind: 'data' });
  await expect(collect(gunzip([Buffer.from('<html>no gzip</html>')]))).rejects.toMatchObject({
    code: 'COMPRESSED_FILE_CORRUPT',
  });
});

it('passes on the error of its source as it is', async () => {
  const failure = new Error('reset');
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield gzipSync(content).subarray(0, 100);
    throw await Promise.resolve(failure);
  };
  await expect(collect(gunzip(source()))).rejects.toBe(failure);
});

it('gives up a gzip bomb soon after its limit', async () => {
  const bomb = gzipSync(Buffer.alloc(40 * 2 ** 20));
  await expect(collect(gunzip([bomb], { maxBytes: 2 ** 20 }))).rejects.toMatchObject({
    code: 'DECOMPRESSION_LIMIT_REACHED',
    context: { bytesOut: expect.toSatisfy((bytes: number) => bytes < 2 * 2 ** 20) },
  });
  await expect(collect(gunzip([bomb]))).rejects.toMatchObject({ code: 'DECOMPRESSION_LIMIT_REACHED' });
});

it('stops its source when nobody reads on', async () => {
  let isReturned = false;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (const part of inParts(gzipSync(content), 512)) yield await Promise.resolve(part);
    } finally {
      isReturned = true;
    }
  };
  for await (const part of gunzip(source())) {
    expect(part.length).toBeGreaterThan(0);
    break;
  }
  await expect.poll(() => isReturned).toBe(true);
});

const archive = Buffer.from(
  zipSync({
    'report.csv': content,
    'dir/plain.txt': [Buffer.from('stored'), { level: 0 }],
    'empty.txt': new Uint8Array(),
  }),
);

it('reads the files of a zip archive', async () => {
  const entries = unzip(archive);
  expect(entries.map(({ name, size }) => [name, size])).toEqual([
    ['report.csv', content.length],
    ['dir/plain.txt', 6],
    ['empty.txt', 0],
  ]);
  const contents = await Promise.all(entries.map(async (entry) => (await collect(entry.content())).toString()));
  expect(contents).toEqual([text, 'stored', '']);
});

it('sees wherever a zip archive was cut', () => {
  fc.assert(
    fc.property(fc.nat(archive.length - 1), (length) => {
      expect(() => unzip(archive.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'COMPRESSED_FILE_TRUNCATED' }),
      );
    }),
    { examples: [[0], [3], [archive.length - 1], [archive.length - 22]] },
  );
});

it('gives the right content or an error when any byte of a zip archive was changed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }), async (index, change) => {
      const file = Buffer.from(archive);
      file[index] = (file[index] ?? 0) ^ change;
      let contents: Buffer[];
      try {
        contents = await Promise.all(unzip(file).map((entry) => collect(entry.content())));
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(?:COMPRESSED_FILE_|ZIP_|DECOMPRESSION_)/) });
        return;
      }
      for (const one of contents) expect([text, 'stored', '']).toContain(one.toString());
    }),
    { numRuns: 300 },
  );
});

it('does not take a comment for the end of an archive, nor a wrong size', async () => {
  const comment = Buffer.from('PK\u0005\u0006 and so on, for more than twenty bytes');
  const commented = Buffer.concat([archive, comment]);
  commented.writeUInt16LE(comment.length, archive.length - 2);
  expect(unzip(commented)).toHaveLength(3);
  const resized = Buffer.from(archive);
  resized.writeUInt32LE(content.length + 1, resized.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 24);
  await expect(collect(unzip(resized)[0]!.content())).rejects.toMatchObject({ code: 'COMPRESSED_FILE_CORRUPT' });
});

it('limits what comes out of a zip archive', async () => {
  const [entry] = unzip(zipSync({ bomb: new Uint8Array(8 * 2 ** 20) }), { maxBytes: 2 ** 20 });
  await expect(collect(entry!.content())).rejects.toMatchObject({ code: 'DECOMPRESSION_LIMIT_REACHED' });
});

it('refuses what is no zip archive, or one it cannot read', () => {
  expect(() => unzip(Buffer.from('<html>this is a page of a proxy</html>'))).toThrow(
    expect.objectContaining({ code: 'COMPRESSED_FILE_CORRUPT' }),
  );
  const encrypted = Buffer.from(archive);
  encrypted.writeUInt16LE(1, encrypted.indexOf(Buffer.from([0x50, 0x4b, 1, 2])) + 8);
  expect(() => unzip(encrypted)).toThrow(expect.objectContaining({ code: 'ZIP_UNSUPPORTED' }));
});
