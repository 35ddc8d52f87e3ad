/** Public entry "millrace/testing". */
export { MemoryBackend, memoryStore } from "./adapters/memory/store.ts";
