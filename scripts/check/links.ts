import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { repositoryFiles } from './repository-files.ts';

/** Links of documents to files and headings that are not there. */
export function checkLinks(): string[] {
  const documents = repositoryFiles().filter(({ path: file }) => file.endsWith('.md'));
  return documents.flatMap(({ path: file, text }) =>
    linksIn(text)
      .filter((link) => !leadsSomewhere(file, link))
      .map((link) => `${file}: ${link} leads nowhere`),
  );
}

function linksIn(text: string): readonly string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '');
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => !/^[a-z]+:/.test(link));
}

function leadsSomewhere(file: string, link: string): boolean {
  const [to = '', heading] = link.split('#');
  const target = to === '' ? file : path.join(path.dirname(file), to);
  if (!existsSync(target)) return false;
  if (heading === undefined) return true;
  const page = statSync(target).isDirectory() ? path.join(target, 'README.md') : target;
  return headingsIn(readFileSync(page, 'utf8')).has(heading);
}

/** As GitHub names them. */
function headingsIn(text: string): ReadonlySet<string> {
  const titles = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title.trim().toLowerCase());
  return new Set(titles.map((title) => title.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-')));
}
