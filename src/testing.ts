/** Public entry "millrace/testing". */
export { memoryStore, MemoryBackend } from "./adapters/memory/store.ts";
