/** A message that is not what the protocol says; where it came from is known elsewhere. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}
