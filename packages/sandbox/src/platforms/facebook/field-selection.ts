import { GraphError } from './graph-error.ts';

/** One field that is asked for: `ads.limit(5){id,name}`. */
export interface FieldSelection {
  readonly name: string;
  readonly modifiers: Readonly<Record<string, string>>;
  /** Absent if the field stands alone. */
  readonly children?: readonly FieldSelection[];
  /** The children as they were written. */
  readonly childrenText?: string;
}

/** Parses the value of `fields`; a name that comes twice counts once. */
export function parseFields(text: string): FieldSelection[] {
  return new FieldParser(text).parse();
}

class FieldParser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): FieldSelection[] {
    const fields = this.#list();
    if (this.#position < this.#text.length) throw this.#error();
    return fields;
  }

  #list(): FieldSelection[] {
    const fields = new Map<string, FieldSelection>();
    for (;;) {
      this.#skipSpaces();
      const name = this.#match(/\w+/y);
      if (name === undefined) break;
      fields.set(name, this.#field(name));
      this.#skipSpaces();
      if (!this.#take(',')) break;
    }
    return [...fields.values()];
  }

  #field(name: string): FieldSelection {
    const modifiers: Record<string, string> = {};
    while (this.#take('.')) {
      const modifier = this.#match(/\w+/y);
      if (modifier === undefined || !this.#take('(')) throw this.#error();
      modifiers[modifier] = this.#balanced();
    }
    if (!this.#take('{')) return { name, modifiers };
    const start = this.#position;
    const children = this.#list();
    const childrenText = this.#text.slice(start, this.#position);
    if (!this.#take('}')) throw this.#error();
    return { name, modifiers, children, childrenText };
  }

  // What stands between parentheses may hold JSON with parentheses of its own.
  #balanced(): string {
    const start = this.#position;
    for (let depth = 1; depth > 0; this.#position += 1) {
      const character = this.#text[this.#position];
      if (character === undefined) throw this.#error();
      if (character === '(') depth += 1;
      if (character === ')') depth -= 1;
    }
    return this.#text.slice(start, this.#position - 1);
  }

  #skipSpaces(): void {
    this.#match(/\s*/y);
  }

  #take(character: string): boolean {
    if (this.#text[this.#position] !== character) return false;
    this.#position += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#position += found.length;
    return found;
  }

  #error(): GraphError {
    return new GraphError({
      code: 2500,
      message: `Syntax error "Expected end of string instead of "${this.#text[this.#position] ?? ''}"." at character ${this.#position}: ${this.#text}`,
    });
  }
}
