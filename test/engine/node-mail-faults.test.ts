/**
 * Stores that are away for a moment while nodes talk to each other: whatever was recorded is also said, and
 * nobody stays deaf. Nothing else would repeat it, and a step would wait for ever.
 */
import { expect, it } from "vitest";
import { decodeLetter } from "../../src/engine/nodes/node-mail.ts";
import { decodeInput } from "../../src/engine/turn/input.ts";
import { graph, MillraceError } from "../../src/index.ts";
import type { Inbox } from "../../src/ports/inbox.ts";
import type { Store } from "../../src/ports/store.ts";
import { faulty } from "./kit/faulty.ts";
import { onStores, onVirtualTime, type Scene, until } from "./kit/scene.ts";

const flow = graph<number>("flow")
  .step("far", { resources: { gpu: 1 } }, (ctx, n) => `${n} in attempt ${ctx.attempt}`)
  .build();

const away = (): never => {
  throw new MillraceError("E_STORE_UNAVAILABLE", "away for a moment");
};

/** Refuses the first post that is this. */
function refusing(isIt: (address: string, bytes: Uint8Array) => boolean) {
  const refused = { times: 0 };
  const inbox = (real: Inbox): Partial<Inbox> => ({
    async post(address, bytes) {
      if (refused.times > 0 || !isIt(address, bytes)) return real.post(address, bytes);
      refused.times++;
      return away();
    },
  });
  return { refused, wrap: faulty({ inbox }) };
}

const holds = (kind: string) => (_address: string, bytes: Uint8Array) =>
  decodeLetter(bytes)?.mails.some((mail) => mail.kind === kind) === true;

/** A host without what the step needs, and a node that has it. */
async function farStep(
  scene: Scene,
  wraps: { host?: (store: Store) => Store; node?: (store: Store) => Store },
) {
  const { host = (store) => store, node = (store) => store } = wraps;
  const near = await scene.open({ node: "near", workflows: [flow], wrap: host });
  await scene.open({ node: "far", workflows: [flow], wrap: node, resources: { gpu: 1 } });
  return near;
}

onVirtualTime("node mail", (scene, time) => {
  it.each(["ask", "go"])("that could not be written at once is written later: %s", async (kind) => {
    const { refused, wrap } = refusing(holds(kind));
    // Whichever of them hosts the run, only one has what it needs.
    const near = await time().until(farStep(scene(), { host: wrap, node: hostsNothing }));
    const run = await time().until(near.start(flow, 7));
    expect(await time().until(run.result())).toBe("7 in attempt 1");
    expect(refused.times).toBe(1);
  });

  it("reaches the run though the inbox was away when its attempt ended", async () => {
    const { refused, wrap } = refusing(
      (address, bytes) => !address.startsWith("@") && decodeInput(bytes)?.kind === "report",
    );
    const node = (store: Store): Store => hostsNothing(wrap(store));
    const near = await time().until(farStep(scene(), { node }));
    const run = await time().until(near.start(flow, 7));
    expect(await time().until(run.result())).toBe("7 in attempt 1");
    expect(refused.times).toBe(1);
  });

  it("is read again after reading it has failed, at the beginning and after a gap", async () => {
    const gaps: (() => void)[] = [];
    let fails = 1;
    const inbox = (real: Inbox): Partial<Inbox> => ({
      async read(address, after) {
        return address === "@far" && fails-- > 0 ? away() : real.read(address, after);
      },
      watch(address, onInput, onGap) {
        if (address === "@far") gaps.push(onGap);
        return real.watch(address, onInput, onGap);
      },
    });
    const node = (store: Store): Store => hostsNothing(faulty({ inbox })(store));
    const near = await time().until(farStep(scene(), { node }));
    const first = await time().until(near.start(flow, 1));
    expect(await time().until(first.result())).toBe("1 in attempt 1");
    fails = 1;
    for (const gap of gaps) gap();
    const second = await time().until(near.start(flow, 2));
    expect(await time().until(second.result())).toBe("2 in attempt 1");
    expect(fails).toBeLessThan(1);
  });
});

onStores(
  "a process that announces itself",
  (scene) => {
    it("listens once to what others announce, and not any more when it is closed", async () => {
      let [begun, ended] = [0, 0];
      const wrap = faulty({
        nodes: (nodes) => ({
          async watch(listener) {
            begun++;
            const stop = await nodes.watch(listener);
            return () => {
              ended++;
              stop();
            };
          },
        }),
      });
      const millrace = await scene().open({ workflows: [flow], wrap });
      await until("it is there", async () => (await millrace.nodes()).length === 1);
      await scene().close(millrace);
      expect([begun, ended]).toEqual([1, 1]);
    });
  },
  ["memory"],
);

/** A node that takes steps, and no runs. */
const hostsNothing = (store: Store): Store =>
  faulty({
    queue: () => ({
      claim: ({ signal }) =>
        new Promise((resolve) => signal?.addEventListener("abort", () => resolve([]))),
    }),
  })(store);
