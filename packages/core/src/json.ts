/** A JSON value. State and memory are made of nothing else, so that any destination can store them as text. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
