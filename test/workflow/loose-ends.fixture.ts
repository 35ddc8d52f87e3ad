/** A process of its own for loose-ends.test.ts: prints what is left of it, if anything is. */
import { systemClock } from "../../src/kernel/clock.ts";
import { begin, failed, fired, noop } from "./session-driver.ts";

const turn = (): Promise<void> => systemClock().turn();

const scenes: Readonly<Record<string, () => Promise<unknown>>> = {
  /** A helper fails while the function sleeps, and is awaited only then. */
  async later() {
    const run = await begin(async (ctx) => {
      const helper = async (): Promise<string> => (await ctx.run("a", noop)).toUpperCase();
      const result = helper();
      await ctx.sleep("t", "1h");
      return result.catch((error: Error) => `rescued: ${error.message}`);
    });
    await run.give(failed("a"));
    await turn();
    await run.give(fired("t"));
    return run.end;
  },

  /** A branch that nobody awaits fails, and another uses ctx after the end. */
  async never() {
    const run = await begin(async (ctx) => {
      const branch = async (): Promise<void> => {
        await ctx.run("a", noop);
      };
      const tail = async (): Promise<void> => {
        for (let round = 0; round < 10; round++) await Promise.resolve();
        await ctx.run("too late", noop);
      };
      void branch();
      await ctx.sleep("t", "1h");
      void tail();
    });
    await run.give(failed("a"));
    await turn();
    await run.give(fired("t"));
    await turn();
    return run.end;
  },

  /** A rejection that has nothing to do with the workflow. */
  async foreign() {
    await begin((ctx) => ctx.run("a", noop));
    void Promise.reject(new Error("foreign"));
    await turn();
    return "still here";
  },

  /** Both, where the program has said what is to happen then. */
  async heard() {
    const heard: unknown[] = [];
    process.on("unhandledRejection", (reason) => heard.push(String(reason)));
    const run = await begin(async (ctx) => {
      void ctx.run("a", noop).then(() => "fine");
      await ctx.sleep("t", "1h");
    });
    await run.give(failed("a"));
    void Promise.reject(new Error("foreign"));
    await turn();
    return heard;
  },
};

console.log(JSON.stringify(await scenes[process.argv[2] ?? ""]?.()));
