import { describeDestination, memoryDestination, MemoryStore } from '../src/index.ts';

describeDestination('memory destination', async () => {
  const store = new MemoryStore();
  return {
    destination: memoryDestination(store),
    restart: async () => memoryDestination(store),
    readRows: async (stream) => store.rows(stream).map(({ _version, _deleted, _row, ...row }) => row),
    async [Symbol.asyncDispose]() {},
  };
});
