import { EtlError } from '@etl/core/errors';

/**
 * An alert that cannot be sent is found out when it is needed, so its address is looked at before.
 *
 * @throws `ENVIRONMENT_INVALID` (config), naming the variable and never its value.
 */
export function requireAlertUrls(env: NodeJS.ProcessEnv): void {
  for (const name of ['ETL_ALERT_WEBHOOK_URL', 'SLACK_WEBHOOK_URL']) {
    const text = env[name]?.trim() ?? '';
    if (text === '' || ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? '')) continue;
    throw new EtlError({
      code: 'ENVIRONMENT_INVALID',
      kind: 'config',
      message: `${name} is not an HTTP address.`,
      hint: 'Write it like https://hooks.example.com/…, or leave it out when nobody is to be told.',
    });
  }
}
