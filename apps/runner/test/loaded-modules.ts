// Says at the end which modules were loaded, one a line, and after which of them the first request was made.
import { subscribe } from 'node:diagnostics_channel';
import { registerHooks } from 'node:module';

const loaded = new Set<string>();
registerHooks({
  load(url, context, next) {
    loaded.add(`loaded ${url}`);
    return next(url, context);
  },
});
subscribe('http.client.request.start', () => loaded.add('requested'));
process.on('exit', () => {
  process.stderr.write([...loaded].map((line) => `${line}\n`).join(''));
});
