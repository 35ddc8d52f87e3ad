/** Public entry "millrace/testing": what tests of one's own workflows are made of. Needs fast-check. */
export { MemoryBackend, memoryStore } from "./adapters/memory/store.ts";
export { nodeCommands, runCommands, stepCommands } from "./testing/command-arbitraries.ts";
export { events, nodeEvents, runEvents, stepEvents } from "./testing/event-arbitraries.ts";
export { type Given, type GivenOptions, given, type When } from "./testing/given.ts";
export { failures, values } from "./testing/value-arbitraries.ts";
export { illegalEvents, legalEvents, type Refused, type WalkOptions } from "./testing/walks.ts";
