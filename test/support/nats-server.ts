/**
 * A real nats-server for tests. `setup` and `teardown` are for vitest's `globalSetup`: one server
 * for the whole run, told apart by namespaces. A file that runs without them gets one of its own.
 */
import { afterAll, beforeAll, inject } from "vitest";
import type { TestProject } from "vitest/node";
import { type NatsServer, startNatsServer } from "../../scripts/nats-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    natsUrl?: string;
  }
}

let shared: NatsServer | undefined;

/** For `globalSetup`. */
export async function setup(project: TestProject): Promise<void> {
  shared = await startNatsServer();
  project.provide("natsUrl", shared.url);
}

/** For `globalSetup`. */
export async function teardown(): Promise<void> {
  await shared?.stop();
}

/** Declares that this file's tests use a server; the function gives its URL inside of tests. */
export function sharedNatsServer(): () => string {
  let own: NatsServer | undefined;
  beforeAll(async () => {
    if (inject("natsUrl") === undefined) own = await startNatsServer();
  });
  afterAll(() => own?.stop());
  return () => {
    const url = inject("natsUrl") ?? own?.url;
    if (url === undefined) throw new Error("the server is there inside of tests only");
    return url;
  };
}
