/** An error that the server reported, in the shape of `pg`'s own database errors. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: string;
  readonly detail: string | undefined;

  constructor(message: string, code: string, detail: string | undefined) {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}

/** Reads an ErrorResponse or NoticeResponse. */
export function serverError(buffer: Buffer, start: number, end: number): ServerError {
  const fields = new Map<string, string>();
  for (let at = start; at < end && buffer[at] !== 0;) {
    const stop = buffer.indexOf(0, at + 1);
    fields.set(String.fromCharCode(buffer[at] ?? 0), buffer.toString('utf8', at + 1, stop));
    at = stop + 1;
  }
  return new ServerError(fields.get('M') ?? 'unknown error', fields.get('C') ?? 'XX000', fields.get('D'));
}
