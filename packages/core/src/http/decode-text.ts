import { TextDecoder } from 'node:util';
import { EtlError } from '../etl-error.ts';

export interface DecodeOptions {
  /** Of a file without a byte order mark; one that is there wins. @default 'utf-8' */
  readonly encoding?: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252' | undefined;
}

const MARKS: readonly (readonly [mark: readonly number[], encoding: string])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xff, 0xfe], 'utf-16le'],
  [[0xfe, 0xff], 'utf-16be'],
];

/**
 * Bytes as text, without the byte order mark, strictly: nothing is replaced by a question mark.
 *
 * @throws TEXT_MALFORMED for bytes that the encoding does not have, half a character at the end, and
 *   NUL characters, which is what UTF-16 looks like when it is read as something else.
 */
export async function* decodeText(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { encoding = 'utf-8' }: DecodeOptions = {},
): AsyncGenerator<string, void, undefined> {
  let head: Uint8Array | undefined = new Uint8Array();
  let decoder: TextDecoder | undefined;
  const decode = (part: Uint8Array | undefined): string => {
    decoder ??= new TextDecoder(markedEncoding(part ?? new Uint8Array()) ?? encoding, { fatal: true });
    return strictly(decoder, part);
  };
  for await (const part of source) {
    let bytes = part;
    if (head !== undefined) {
      // The mark may come in two parts.
      head = Buffer.concat([head, part]);
      if (head.length < 3) continue;
      bytes = head;
      head = undefined;
    }
    const text = decode(bytes);
    if (text !== '') yield text;
  }
  const text = (head === undefined ? '' : decode(head)) + decode(undefined);
  if (text !== '') yield text;
}

function markedEncoding(bytes: Uint8Array): string | undefined {
  return MARKS.find(([mark]) => mark.every((byte, index) => bytes[index] === byte))?.[1];
}

function strictly(decoder: TextDecoder, part: Uint8Array | undefined): string {
  let text: string;
  try {
    text = part === undefined ? decoder.decode() : decoder.decode(part, { stream: true });
  } catch {
    throw malformed(decoder.encoding);
  }
  if (text.includes('\0')) throw malformed(decoder.encoding);
  return text;
}

function malformed(encoding: string): EtlError {
  return new EtlError({
    code: 'TEXT_MALFORMED',
    kind: 'data',
    message: `A file is not ${encoding} text, or was cut in the middle of a character.`,
    hint: 'Check the encoding that the platform documents for the file.',
    context: { encoding },
  });
}
