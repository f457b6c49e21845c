import { expect, test } from 'vitest';
import { FrameScanner } from '../src/frame-scanner.ts';

function message(tag: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(tag, 0, 'latin1');
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function scanned(chunks: readonly Buffer[]): string[] {
  const scanner = new FrameScanner();
  const found: string[] = [];
  for (const chunk of chunks) {
    scanner.push(Buffer.from(chunk));
    while (scanner.next()) {
      found.push(`${String.fromCharCode(scanner.tag)}:${scanner.buffer.toString('hex', scanner.start, scanner.end)}`);
    }
  }
  return found;
}

const stream = Buffer.concat([
  message('d', Buffer.from('first')),
  message('c', Buffer.alloc(0)),
  message('d', Buffer.from('é€😀 and more')),
  message('Z', Buffer.from('I')),
]);
const whole = scanned([stream]);

test('finds the same messages when the bytes are split at any two places', () => {
  expect(whole).toHaveLength(4);
  for (let first = 0; first <= stream.length; first += 1) {
    for (let second = first; second <= stream.length; second += 1) {
      expect(scanned([stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])).toEqual(
        whole,
      );
    }
  }
});

test('finds the same messages when bytes come one by one', () => {
  expect(scanned([...stream].map((byte) => Buffer.from([byte])))).toEqual(whole);
});

test('finds the same messages when all bytes come through one piece of memory', () => {
  const memory = Buffer.alloc(stream.length);
  for (let size = 1; size <= stream.length; size += 1) {
    const scanner = new FrameScanner();
    const found: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      scanner.keep();
      memory.fill(0xee);
      const length = stream.copy(memory, 0, at, at + size);
      scanner.push(memory.subarray(0, length));
      while (scanner.next()) {
        found.push(`${String.fromCharCode(scanner.tag)}:${scanner.buffer.toString('hex', scanner.start, scanner.end)}`);
      }
    }
    expect(found).toEqual(whole);
  }
});

test('takes a message of 80 MB in small reads without copying it over and over', () => {
  const body = Buffer.alloc(80 * 1024 * 1024, 0x61);
  const bytes = Buffer.concat([message('d', body), message('c', Buffer.alloc(0))]);
  const scanner = new FrameScanner();
  const startedAt = performance.now();
  const tags: string[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) {
    scanner.push(bytes.subarray(at, at + 65_536));
    while (scanner.next()) tags.push(`${scanner.tag}:${scanner.end - scanner.start}`);
  }
  expect(tags).toEqual([`100:${body.length}`, '99:0']);
  expect(performance.now() - startedAt).toBeLessThan(3000);
});
