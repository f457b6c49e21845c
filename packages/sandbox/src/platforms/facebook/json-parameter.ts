import { invalidParameter } from './graph-error.ts';

/** A parameter that holds JSON, as text or, within a JSON body, as it is. */
export function jsonParameter(parameters: Readonly<Record<string, string>>, name: string): unknown {
  const text = parameters[name];
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalidParameter(`Param ${name} must be a valid JSON.`);
  }
}

/** A list: JSON, or names with commas between them. */
export function listParameter(parameters: Readonly<Record<string, string>>, name: string): string[] | undefined {
  const text = parameters[name]?.trim();
  if (text === undefined || text === '') return undefined;
  if (!text.startsWith('[')) return text.split(',').map((part) => part.trim());
  const list = jsonParameter(parameters, name);
  if (!Array.isArray(list)) throw invalidParameter(`Param ${name} must be an array.`);
  return list.map(String);
}

/** A whole number within bounds. */
export function integerParameter(
  parameters: Readonly<Record<string, string>>,
  name: string,
  fallback: number,
  maximum: number,
): number {
  const text = parameters[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw invalidParameter(`Param ${name} must be a positive integer.`);
  return Math.min(value, maximum);
}
