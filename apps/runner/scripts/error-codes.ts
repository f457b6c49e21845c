import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** One error code with everything that the code says of it, wherever it is made. */
export interface ErrorCode {
  readonly code: string;
  readonly kinds: readonly string[];
  /** Names of the packages that make it. */
  readonly packages: readonly string[];
  /** What happened; `…` stands for what is only known then. */
  readonly messages: readonly string[];
  /** What to do. */
  readonly hints: readonly string[];
}

interface Mention {
  readonly code: string;
  readonly kinds: readonly string[];
  readonly message: string;
  readonly hint: string;
}

const CODE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|^INTERRUPTED$/;

/** Finds the codes in the sources of all packages, by the shape in which errors are written. */
export function readErrorCodes(repository: string): readonly ErrorCode[] {
  const found = new Map<string, { packageName: string; mention: Mention }[]>();
  for (const file of globSync('{packages,apps}/*/src/**/*.ts', { cwd: repository }).sort()) {
    const folder = file.split(/[\\/]/).slice(0, 2).join('/');
    const { name } = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8')) as { name: string };
    if (name === '@etl/testing') continue;
    const text = readFileSync(join(repository, file), 'utf8');
    for (const mention of mentionsIn(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))) {
      found.set(mention.code, [...(found.get(mention.code) ?? []), { packageName: name, mention }]);
    }
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, places]) => ({
      code,
      kinds: distinct(places.flatMap(({ mention }) => mention.kinds)),
      packages: distinct(places.map(({ packageName }) => packageName)),
      messages: distinct(places.map(({ mention }) => mention.message)),
      hints: distinct(places.map(({ mention }) => mention.hint)),
    }));
}

function mentionsIn(source: ts.SourceFile): readonly Mention[] {
  const mentions: Mention[] = [];
  const constants = constantsIn(source);
  const visit = (node: ts.Node): void => {
    if (ts.isObjectLiteralExpression(node)) mentions.push(...objectMentions(node, constants));
    if (ts.isCallExpression(node)) mentions.push(...callMentions(node, source));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mentions;
}

/** `const HELD = 'X_Y';`, by name. */
function constantsIn(source: ts.SourceFile): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { name, initializer } of statement.declarationList.declarations) {
      if (initializer !== undefined && ts.isStringLiteral(initializer)) found.set(name.getText(), initializer.text);
    }
  }
  return found;
}

/** Errors whose kind goes without saying. */
const KIND_OF: Readonly<Record<string, string>> = { UsageError: 'usage', ValueError: 'data' };

/** `{ code: 'X_Y', kind: 'config', message: …, hint: … }` */
function objectMentions(node: ts.ObjectLiteralExpression, constants: ReadonlyMap<string, string>): readonly Mention[] {
  const parts = new Map<string, ts.Expression>();
  for (const property of node.properties) {
    if (ts.isPropertyAssignment(property)) parts.set(property.name.getText(), property.initializer);
  }
  const made = ts.isNewExpression(node.parent) ? KIND_OF[node.parent.expression.getText()] : undefined;
  const kinds = made === undefined ? literalsIn(parts.get('kind')) : [made];
  const given = parts.get('code');
  const constant = given === undefined ? undefined : constants.get(given.getText());
  return (constant === undefined ? literalsIn(given) : [constant])
    .filter((code) => CODE.test(code))
    .map((code) => ({
      code,
      kinds,
      message: textOf(parts.get('message') ?? parts.get('what')),
      hint: textOf(parts.get('hint')),
    }));
}

const KINDS = new Set([
  'config',
  'auth',
  'permission',
  'rate-limit',
  'transient',
  'data',
  'schema',
  'state',
  'internal',
]);

/** `refused('X_Y', message, hint)`: a function makes the error, and has its kind unless that is given. */
function callMentions({ arguments: given }: ts.CallExpression, source: ts.SourceFile): readonly Mention[] {
  const [first, ...rest] = given;
  if (first === undefined || !ts.isStringLiteral(first) || !CODE.test(first.text)) return [];
  const [message, hint = ''] = rest.map(textOf).filter((text) => text.includes(' '));
  if (message === undefined) return [];
  const kinds = rest.flatMap(literalsIn).filter((text) => KINDS.has(text));
  return [{ code: first.text, kinds: kinds.length > 0 ? kinds : kindsMadeIn(source), message, hint }];
}

/** The kind of the errors that a file makes, where it is the same for all. */
function kindsMadeIn(source: ts.SourceFile): readonly string[] {
  const kinds = new Set([...source.text.matchAll(/\bkind: '([a-z-]+)'/g)].map(([, kind = '']) => kind));
  return kinds.size === 1 ? [...kinds] : [];
}

function literalsIn(node: ts.Node | undefined): readonly string[] {
  if (node === undefined) return [];
  if (ts.isStringLiteral(node)) return [node.text];
  const found: string[] = [];
  ts.forEachChild(node, (child) => {
    found.push(...literalsIn(child));
  });
  return found;
}

function textOf(node: ts.Expression | undefined): string {
  if (node === undefined) return '';
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('');
  }
  if (ts.isConditionalExpression(node)) return textOf(node.whenTrue) || textOf(node.whenFalse);
  if (ts.isBinaryExpression(node)) return textOf(node.left) + textOf(node.right);
  if (ts.isParenthesizedExpression(node)) return textOf(node.expression);
  return ts.isIdentifier(node) ? constantIn(node.getSourceFile(), node.text) : '';
}

/** The text of a constant of the file; empty for everything else that may have the name. */
function constantIn(source: ts.SourceFile, name: string): string {
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const found = statement.declarationList.declarations.find((declaration) => declaration.name.getText() === name);
    if (found?.initializer !== undefined && ts.isStringLiteralLike(found.initializer)) return found.initializer.text;
  }
  return '';
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values.map((value) => value.replaceAll(/…{2,}/g, '…')))].filter((value) => value !== '');
}
