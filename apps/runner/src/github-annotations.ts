/** Whether the process runs as a step of a GitHub Actions job, which reads commands from its output. */
export function isGitHub(env: NodeJS.ProcessEnv): boolean {
  return env['GITHUB_ACTIONS'] === 'true';
}

/** Makes GitHub show an error at the run itself. */
export function errorCommand(title: string, text: string): string {
  return `::error title=${escapedProperty(title)}::${escaped(text)}`;
}

/** Makes GitHub hide a value in everything that the job prints from here on, other programs' output included. */
export function maskCommands(secret: string): readonly string[] {
  // GitHub compares line by line.
  return secret
    .split(/\r?\n/)
    .filter((line) => line.trim().length >= 4)
    .map((line) => `::add-mask::${escaped(line)}`);
}

function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapedProperty(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
