/** The addresses that are configured; each of them is a secret. */
export function alertUrls(env: NodeJS.ProcessEnv): readonly string[] {
  return [env['ETL_ALERT_WEBHOOK_URL'], env['SLACK_WEBHOOK_URL']].flatMap((url) => {
    const text = url?.trim() ?? '';
    return text === '' ? [] : [text];
  });
}

/** Whether anybody is to be told. */
export function isAlerting(env: NodeJS.ProcessEnv): boolean {
  return alertUrls(env).length > 0;
}
