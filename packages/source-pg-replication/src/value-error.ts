/** Says why a value cannot be given, without the value: it may be personal or a secret. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly code: 'PG_VALUE_OUT_OF_RANGE' | 'PG_VALUE_UNSUPPORTED';
  readonly hint: string;

  constructor(code: ValueError['code'], message: string, hint: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
