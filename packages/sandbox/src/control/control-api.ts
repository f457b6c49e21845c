import { jsonResponse, type SandboxResponse } from '../http/exchange.ts';
import { CONTROL_METHODS, type ControlMethod, type SandboxControl } from './sandbox-control.ts';

/** Path under which the control API answers. */
export const CONTROL_PREFIX = '/_control';

/** `POST /_control/<method>` with the argument as JSON; methods without an argument answer GET as well. */
export function answerControl(
  control: SandboxControl,
  httpMethod: string,
  path: string,
  body: string,
): SandboxResponse {
  const name = path.slice(CONTROL_PREFIX.length + 1);
  const method = CONTROL_METHODS.find((known) => known === name);
  if (method === undefined) {
    return jsonResponse(404, { error: `There is no ${name}.`, methods: CONTROL_METHODS });
  }
  if (httpMethod !== 'POST' && httpMethod !== 'GET') return jsonResponse(405, { error: 'Use POST, or GET to ask.' });
  try {
    const argument: unknown = body === '' ? undefined : JSON.parse(body);
    const call = control[method].bind(control) as (argument: unknown) => unknown;
    return jsonResponse(200, { result: call(argument) ?? null });
  } catch (error) {
    return jsonResponse(400, { error: error instanceof Error ? error.message : String(error) });
  }
}

/** {@link SandboxControl} of a sandbox in another process. */
export type RemoteControl = {
  readonly [Name in ControlMethod]: (
    ...parameters: Parameters<SandboxControl[Name]>
  ) => Promise<Awaited<ReturnType<SandboxControl[Name]>>>;
};

/** Steers a sandbox in another process; `url` is what the sandbox calls its `url`. */
export function connectControl(url: string): RemoteControl {
  const call = async (method: ControlMethod, argument: unknown): Promise<unknown> => {
    const response = await fetch(`${url}${CONTROL_PREFIX}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(argument === undefined ? {} : { body: JSON.stringify(argument) }),
    });
    const answer = (await response.json()) as { result?: unknown; error?: string };
    if (!response.ok) throw new Error(`The sandbox refused ${method}: ${answer.error ?? response.status}`);
    return answer.result ?? undefined;
  };
  const methods = CONTROL_METHODS.map((method) => [method, (argument?: unknown) => call(method, argument)]);
  return Object.fromEntries(methods) as RemoteControl;
}
