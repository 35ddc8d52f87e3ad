// Notes of steps that run for another host, when everything is called off before they have arrived.
import { expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.ts";
import { NoteWaits } from "../../src/engine/nodes/note-waits.ts";
import { plainCodec } from "../../src/events/frame.ts";
import { deferred } from "../../src/kernel/async.ts";
import { MillraceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/logger.ts";
import { faulty } from "./kit/faulty.ts";
import { clock, world } from "./kit/scene.ts";

it("a note that is still on its way when its process was frozen for too long is refused, and ends nothing else", async () => {
  const arrived = deferred<void>();
  const bare = memoryStore({ namespace: "default", node: "n", world });
  const store = faulty({
    inbox: (inbox) => ({
      async post(run, bytes) {
        await arrived.promise;
        return inbox.post(run, bytes);
      },
    }),
  })(bare);
  const engine = {
    store,
    world,
    node: "n",
    logger: silentLogger,
    codec: plainCodec,
    codecs: [plainCodec],
  };
  const waits = new NoteWaits(engine);
  const go = { run: "r", step: "s", attempt: 1, grant: "g" } as Parameters<NoteWaits["record"]>[0];
  const recorded = waits.record(go, {
    type: "user.noted",
    name: "n",
    payload: { json: 1 },
    step: "s",
  });
  waits.abort(new MillraceError("E_FENCED", "frozen"));
  // A rejection that nobody hears ends the process, in the next turn of its event loop.
  await clock.turn();
  arrived.resolve();
  await expect(recorded).rejects.toMatchObject({ code: "E_FENCED" });
  await store.close();
});
