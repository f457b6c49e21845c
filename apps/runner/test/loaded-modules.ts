// Says at the end which modules of packages were loaded, one a line.
import { registerHooks } from 'node:module';

const loaded = new Set<string>();
registerHooks({
  load(url, context, next) {
    loaded.add(url);
    return next(url, context);
  },
});
process.on('exit', () => {
  process.stderr.write([...loaded].map((url) => `loaded ${url}\n`).join(''));
});
