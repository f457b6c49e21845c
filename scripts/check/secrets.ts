import { repositoryFiles, type TextFile } from './repository-files.ts';

const TOKENS: [name: string, pattern: RegExp][] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}/],
  ['a GitHub token', /\b(?:gh[opsu]_[A-Za-z0-9]{36}|github_pat_\w{60,})/],
  ['an npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
  ['an AWS key', /\bAKIA[0-9A-Z]{16}\b/],
  ['a Google key', /\bAIza[\w-]{35}\b/],
  ['a Google OAuth token', /\bya29\.[\w-]{30,}/],
  ['a Facebook token', /\bEAA[A-Za-z0-9]{60,}/],
  ['a Slack token', /\bxox[abprs]-[\w-]{20,}/],
  ['a signed JSON web token', /\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}/],
];

// In a URL, `user:password@` as the documentation writes it is no secret, nor is anything interpolated.
const URL_PASSWORD = /\b[a-z][a-z0-9+]*:\/\/[^\s/:@'"`<>]*:([^\s/@'"`]+)@/gi;
const PLACEHOLDER = /^(?:password|pass|secret|\*+|\u2026|\.\.\.|<.*>)$|[$%]\{?|\{/i;

// What a settings file gives to a secret's name has to come from the environment.
const SETTING =
  /^\s*(?:-\s*)?["']?[\w.-]*(?:password|passwd|secret|token|api_?key|private_?key)["']?\s*[:=][ \t]*["']?([^\s"',]+)/gim;
const SETTINGS_FILE = /\.(?:ya?ml|env|toml|ini|conf|npmrc)$|(?:^|\/)\.env|\.npmrc$/;
const GITHUB_PERMISSION = /^(?:write|read|none)$/;

/** What in a file looks like a secret, in words that do not repeat it. */
export function secretsIn({ path, text }: TextFile): string[] {
  const problems: string[] = [];
  const report = (what: string, index: number) => problems.push(`${path}:${lineOf(text, index)} holds ${what}`);
  for (const [name, pattern] of TOKENS) {
    const match = pattern.exec(text);
    if (match !== null) report(name, match.index);
  }
  if (!isTest(path)) {
    for (const match of text.matchAll(URL_PASSWORD)) {
      if (!PLACEHOLDER.test(match[1] ?? '')) report('a URL with a password', match.index);
    }
  }
  if (SETTINGS_FILE.test(path) && path !== 'pnpm-lock.yaml') {
    for (const match of text.matchAll(SETTING)) {
      const value = match[1] ?? '';
      if (!value.startsWith('$') && !GITHUB_PERMISSION.test(value)) report('a literal password', match.index);
    }
  }
  return problems;
}

export async function checkSecrets(): Promise<string[]> {
  return repositoryFiles().flatMap(secretsIn);
}

// Tests make up passwords, to see that they are not shown.
function isTest(path: string): boolean {
  return /(?:^|\/)test\//.test(path);
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
