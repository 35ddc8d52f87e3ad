/** `millrace approvals`, `approve` and `reject`: what people see, what they decide, and what is refused. */
import { userInfo } from "node:os";
import { beforeAll, expect, it } from "vitest";
import { type Millrace, open, workflow } from "../../src/index.ts";
import { command, scratchStore } from "./command.ts";

const spend = workflow("spend", (ctx, amount: number) =>
  ctx.approve("spend", {
    prompt: `spend ${amount}?`,
    timeout: "1d",
    ...(amount > 100 ? { approvers: ["ada"] } : {}),
  }),
);

let store = "";
const tell = (...args: string[]) => command([...args, "--store", store]);

async function asked(here: Millrace, id: string, amount: number): Promise<void> {
  await here.start(spend, amount, { id });
  const isThere = async () => (await here.pendingApprovals()).some(({ run }) => run === id);
  await expect.poll(isThere, { timeout: 10_000 }).toBe(true);
}

beforeAll(async () => {
  store = await scratchStore();
});

it("approvals lists what waits for a decision, and approve and reject decide it", async () => {
  await using here = await open({ store, workflows: [spend] });
  await asked(here, "small", 10);
  await asked(here, "large", 1_000);
  const { stdout } = await tell("approvals");
  expect(stdout).toMatch(/RUN +WORKFLOW +NAME +SINCE +UNTIL +WHO +QUESTION/);
  expect(stdout).toMatch(/small +spend +spend .*, then reject +anybody +spend 10\?/);
  const forBob = await tell("approvals", "--by", "bob", "--json");
  expect(JSON.parse(forBob.stdout)).toMatchObject([{ run: "small", approvers: null }]);

  const explained = await tell("explain", "large");
  expect(explained.stdout).toContain("ada: `millrace approve large spend` or `reject`");

  const refused = await tell("approve", "large", "spend", "--by", "bob");
  expect([refused.code, refused.stderr.split(":")[0]]).toEqual([4, "E_COMMAND_REFUSED"]);
  expect(refused.stderr).toContain("bob is not among the approvers of spend: ada");

  const rejected = await tell("reject", "large", "spend", "--by", "ada", "--comment", "too much");
  expect(rejected.stdout).toBe("spend of run large is rejected by ada; its next host takes it\n");
  expect(await here.result("large")).toMatchObject({ approved: false, comment: "too much" });
  const approved = await tell("approve", "small", "spend", "--json");
  const by = userInfo().username;
  expect(JSON.parse(approved.stdout)).toEqual({
    run: "small",
    approval: "spend",
    approved: true,
    by,
  });
  expect(await here.result("small")).toMatchObject({ approved: true, by });

  const events = await tell("events", "large");
  expect(events.stdout).toContain("rejected by ada: too much");
  expect(events.stdout).toContain("bob is not among the approvers");
  const nothing = await tell("approvals");
  expect([nothing.stdout, nothing.stderr]).toEqual(["", "nothing waits for a decision\n"]);
});
