/** The parameters of a query string and of a body in any of the forms that clients send. */
export function requestParameters(query: URLSearchParams, body: string, contentType: string): Record<string, string> {
  const parameters: Record<string, string> = Object.fromEntries(query);
  if (body === '') return parameters;
  if (contentType.includes('multipart/form-data')) return { ...parameters, ...multipartFields(body, contentType) };
  if (contentType.includes('json')) {
    const value = parseJson(body);
    if (typeof value !== 'object' || value === null) return parameters;
    for (const [name, field] of Object.entries(value)) {
      parameters[name] = typeof field === 'string' ? field : JSON.stringify(field);
    }
    return parameters;
  }
  return { ...parameters, ...Object.fromEntries(new URLSearchParams(body)) };
}

// Files are not of interest to any platform here: a part is its name and its text.
function multipartFields(body: string, contentType: string): Record<string, string> {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) return {};
  const fields: Record<string, string> = {};
  for (const part of body.split(`--${boundary}`)) {
    const name = /name="([^"]*)"/.exec(part)?.[1];
    const start = part.indexOf('\r\n\r\n');
    if (name !== undefined && start >= 0) fields[name] = part.slice(start + 4).replace(/\r\n$/, '');
  }
  return fields;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
