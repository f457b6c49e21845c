interface ValueProblem {
  readonly code: ValueError['code'];
  readonly message: string;
  /** What to do about it, besides having it replaced. */
  readonly hint: string;
  /** Whether NULL may take its place where that is wanted. Default: it may. */
  readonly isReplaceable?: boolean;
  /** Whether the value that an SQL expression stands for is such a one, as an SQL condition. Absent: none tells. */
  readonly condition?: (expression: string) => string;
  /** It is an array that is such a one, not an item of it. */
  readonly isOfArray?: boolean;
}

/** Says why a value cannot be given, without the value: it may be personal or a secret. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly code: 'PG_VALUE_OUT_OF_RANGE' | 'PG_VALUE_UNSUPPORTED';
  readonly hint: string;
  readonly isReplaceable: boolean;
  readonly condition: ValueProblem['condition'] | undefined;
  readonly isOfArray: boolean;

  constructor({ code, message, hint, isReplaceable = true, condition, isOfArray = false }: ValueProblem) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.isReplaceable = isReplaceable;
    this.condition = condition;
    this.isOfArray = isOfArray;
  }
}
