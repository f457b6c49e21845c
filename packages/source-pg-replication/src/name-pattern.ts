/** Whether a table's name fits a pattern such as `orders`, `sales.*` or `*_log`. */
export interface NamePattern {
  readonly text: string;
  /** Names its schema too. */
  readonly isQualified: boolean;
  /** Has no wildcard: it names one table. */
  readonly isLiteral: boolean;
  matches(schema: string, table: string): boolean;
}

/** Reads a pattern: a bare or schema-qualified name in which `*` stands for any characters. */
export function namePattern(text: string): NamePattern {
  const expression = new RegExp(
    `^${text
      .split('*')
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
      .join('.*')}$`,
    's',
  );
  const isQualified = text.includes('.');
  return {
    text,
    isQualified,
    isLiteral: !text.includes('*'),
    // A bare name may itself contain a dot, so both readings are tried.
    matches: (schema, table) => expression.test(table) || (isQualified && expression.test(`${schema}.${table}`)),
  };
}
