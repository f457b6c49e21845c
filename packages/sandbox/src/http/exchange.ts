/** A request as a platform sees it, whichever way its parameters came. */
export interface SandboxRequest {
  readonly method: string;
  /** Without the prefix of the platform, with a leading slash. */
  readonly path: string;
  /** Of the query and of a body of JSON, a form or a multipart form; what is not text is JSON. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SandboxResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Name of the credentials that were used, for the log. */
  readonly caller?: string;
}

export function jsonResponse(status: number, value: unknown, headers: Record<string, string> = {}): SandboxResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...headers },
    body: JSON.stringify(value),
  };
}
