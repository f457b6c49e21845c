const SECRET_NAME = /token|secret|password|api_?key|^key$|authorization|appsecret_proof/i;
const SECRET_IN_TEXT = /((?:access_token|input_token|client_secret|appsecret_proof)(?:=|%3D|\\?":\s*\\?"))[^&"\\\s]+/gi;

/** Parameters without what must not be seen. */
export function redactParameters(parameters: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      SECRET_NAME.test(name) ? '[redacted]' : value.replaceAll(SECRET_IN_TEXT, '$1[redacted]'),
    ]),
  );
}
