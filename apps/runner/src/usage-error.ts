/** The command line itself is wrong; nothing was looked at beyond it. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code: string;
  readonly hint: string | undefined;

  constructor(options: { readonly code: string; readonly message: string; readonly hint?: string | undefined }) {
    super(options.message);
    this.code = options.code;
    this.hint = options.hint;
  }
}
