const compiled = new Map<string, RegExp>();

/** Whether a whole text is as a pattern says, in which `*` stands for anything. */
export function matchesGlob(text: string, pattern: string): boolean {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(`^${pattern.split('*').map(escape).join('[^]*')}$`);
    if (compiled.size > 500) compiled.clear();
    compiled.set(pattern, expression);
  }
  return expression.test(text);
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
