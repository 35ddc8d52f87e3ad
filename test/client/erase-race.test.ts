/** Erasing and forking exclude each other, wherever they meet; and an erasure has one proof, whoever dies. */
import { expect, it } from "vitest";
import { partitionOf } from "../../src/adapters/partitioned-log.ts";
import { type Millrace, workflow } from "../../src/index.ts";
import { deferred } from "../../src/kernel/async.ts";
import { MillraceError } from "../../src/kernel/errors.ts";
import { type Cursor, reaches } from "../../src/ports/cursor.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { faulty, gate } from "../engine/kit/faulty.ts";
import { ALL_LOGS, onStores, refusal, type Scene, sleep } from "../engine/kit/scene.ts";

const letter = workflow("letter", async (ctx, to: string) => {
  const text = await ctx.run("write", () => "dear");
  return `${text} ${to} ${await ctx.run("sign", () => "me")}`;
});
const PROOFS = "millrace-erasures";

const written = async (scene: Scene): Promise<Millrace> => {
  const millrace = await scene.open({ workflows: [letter] });
  await (await millrace.start(letter, "ada", { id: "origin" })).result();
  return millrace;
};

/** A process in which something happens right before a run's log goes. */
const erasing = (scene: Scene, run: string, before: () => Promise<unknown>): Promise<Millrace> =>
  scene.open({
    wrap: faulty({
      log: (log) => ({
        async erase(erased) {
          if (erased === run) await before();
          return log.erase(erased);
        },
      }),
    }),
  });

const left = async (millrace: Millrace): Promise<string[]> =>
  (await millrace.list()).map(({ run, status }) => `${run} ${status}`);

onStores(
  "a fork and an erasure of its origin",
  (scene) => {
    it("refuse the fork that comes once it has begun", async () => {
      const millrace = await written(scene());
      let late: unknown;
      const eraser = await erasing(scene(), "origin", async () => {
        late = await refusal(millrace.fork("origin", { seq: 4, id: "late" }));
      });
      await eraser.history.erase("origin");
      expect(late).toMatchObject({ code: "E_RUN_ERASED", details: { run: "origin" } });
      expect(await left(millrace)).toEqual([`${PROOFS} parked`]);
    });

    it("refuse a fork that was on its way", async () => {
      await written(scene());
      const held = gate();
      const forker = await scene().open({ workflows: [letter], wrap: faulty(held) });
      const reached = held.hold("slow");
      const forking = refusal(forker.fork("origin", { seq: 4, id: "slow" }));
      await reached;
      await forker.history.erase("origin");
      held.go("slow");
      expect(await forking).toMatchObject({ code: "E_RUN_ERASED" });
      expect(await left(forker)).toEqual([`${PROOFS} parked`]);
    });

    it("leave nothing of a fork whose process died before it was confirmed, nor of forks of it", async () => {
      const millrace = await written(scene());
      await scene().open({ workflows: [letter], sweepEvery: 10 });
      const held = gate();
      const dying = await scene().open({ wrap: faulty(held) });
      let ofFork: unknown;
      const eraser = await erasing(scene(), "origin", async () => {
        const reached = held.hold("orphan", "after");
        void dying.fork("origin", { seq: 4, id: "orphan" }).catch(() => undefined);
        await reached;
        // Nobody hosts it who cannot know whether it stays.
        await sleep(60);
        expect(await millrace.get("orphan")).toMatchObject({ status: "pending", seq: 1 });
        ofFork = await refusal(millrace.fork("orphan", { seq: 1, id: "second" }));
      });
      await eraser.history.erase("origin");
      expect(ofFork).toMatchObject({ code: "E_RUN_ERASED" });
      expect(await left(millrace)).toEqual([`${PROOFS} parked`]);
      held.go("orphan");
    });

    it("refuse the fork also where a replica of the log is behind for a while", async () => {
      const millrace = await written(scene());
      const behind = await millrace.store.log.head();
      const end = (run?: string): Cursor =>
        typeof behind === "number" || run === undefined
          ? behind
          : (behind[partitionOf(run, behind.length)] ?? 0);
      let caughtUp = false;
      const forker = await scene().open({
        wrap: faulty({
          log: (log) => ({
            head: (async (run: string) => {
              const head = await log.head(run);
              return caughtUp || !reaches(head, end(run)) ? head : end(run);
            }) as EventLog["head"],
            read: (range) => log.read(caughtUp ? range : { ...range, upTo: end(range.run) }),
          }),
        }),
      });
      let late: unknown;
      const eraser = await erasing(scene(), "origin", async () => {
        const forking = refusal(forker.fork("origin", { seq: 4, id: "late" }));
        await sleep(60);
        caughtUp = true;
        late = await forking;
      });
      await eraser.history.erase("origin");
      expect(late).toMatchObject({ code: "E_RUN_ERASED", details: { run: "origin" } });
      expect(await left(millrace)).toEqual([`${PROOFS} parked`]);
    });

    it("let the erasure go when the fork was first, and the run can be forked again", async () => {
      const millrace = await written(scene());
      await (await millrace.fork("origin", { seq: 4, id: "first" })).result();
      expect(await refusal(millrace.history.erase("origin"))).toMatchObject({
        code: "E_COMMAND_REFUSED",
        details: { forks: ["first"] },
      });
      expect(await millrace.history.erasures()).toEqual([]);
      const second = await millrace.fork("origin", { seq: 4, id: "second" });
      expect(await second.result()).toBe("dear ada me");
    });

    it("have one winner at any moment", async () => {
      const millrace = await written(scene());
      for (let round = 0; round < 8; round++) {
        const id = `o${round}`;
        await (await millrace.start(letter, "bob", { id })).result();
        const forks = [1, 2, 3].map((nth) =>
          millrace.fork(id, { seq: 4, id: `${id}-${nth}` }).then((fork) => fork.result()),
        );
        const outcomes = await Promise.allSettled([millrace.history.erase(id), ...forks]);
        const codes = outcomes.map((one) =>
          one.status === "fulfilled" ? "ok" : (one.reason as MillraceError).code,
        );
        const [erased, ...forked] = codes;
        if (erased === "ok") expect(forked).not.toContain("ok");
        else expect([erased, ...forked]).toEqual(["E_COMMAND_REFUSED", ...forked]);
        expect(codes).not.toContain("E_LOG_CORRUPT");
      }
      expect((await left(millrace)).filter((line) => line.includes("quarantined"))).toEqual([]);
    });
  },
  ALL_LOGS,
);

onStores("the proof of an erasure", (scene) => {
  it("is there before anything goes, and is completed by whoever erases again", async () => {
    const millrace = await written(scene());
    const { seq } = await millrace.get("origin");
    let isGone = false;
    const dying = await scene().open({
      wrap: faulty({
        log: (log) => ({
          async append(frame, signal) {
            if (isGone && frame.run === PROOFS) throw new MillraceError("E_STORE_CLOSED", "died");
            return log.append(frame, signal);
          },
          async erase(run) {
            isGone = await log.erase(run);
            return isGone;
          },
        }),
      }),
    });
    await refusal(dying.history.erase("origin", { reason: "request 7", by: "clerk" }));
    const begun = {
      run: "origin",
      workflow: "letter",
      events: seq,
      by: "clerk",
      reason: "request 7",
    };
    expect(await millrace.history.erasures()).toMatchObject([{ ...begun, completedAt: null }]);
    const proof = await millrace.history.erase("origin", { by: "another" });
    expect(proof).toMatchObject({ ...begun, completedAt: expect.any(Number) });
    expect(await millrace.history.erasures()).toEqual([proof]);
    expect(await millrace.history.erase("origin")).toEqual(proof);
    expect(await refusal(millrace.history.erase("never"))).toMatchObject({
      code: "E_RUN_NOT_FOUND",
    });
  });

  it("is one, also when two erase at once", async () => {
    const millrace = await written(scene());
    const other = await scene().open();
    const proofs = await Promise.all([
      millrace.history.erase("origin", { by: "one" }),
      other.history.erase("origin", { by: "two" }),
    ]);
    expect(await other.history.erasures()).toHaveLength(1);
    expect(proofs[0]).toEqual(proofs[1]);
    const met = deferred<void>();
    await (await millrace.start(letter, "bob", { id: "next" })).result();
    const slow = await erasing(scene(), "next", async () => {
      await millrace.history.erase("next");
      met.resolve();
    });
    await slow.history.erase("next");
    await met.promise;
    expect((await millrace.history.erasures()).map(({ run }) => run)).toEqual(["origin", "next"]);
  });
});
