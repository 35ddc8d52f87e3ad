/**
 * A mail on signup, and another one three days later unless the user has finished by then. What tells that
 * counts also when it comes before anybody waits for it; who unsubscribes gets nothing more. All those who
 * are waited for cost no worker: `bench/sleepers.ts` puts ten thousand to sleep.
 * Prints: ada: welcome, finished; bob: welcome, follow-up; eve: welcome, unsubscribed
 */
import { isMillraceError, open, workflow } from "../src/index.ts";

/** Somebody who has signed up. */
export interface User {
  readonly id: string;
  /** How long to wait before the second mail. */
  readonly patience: string;
}

/** Sends a mail, once per key. */
export type Mail = (key: string, user: string, what: string) => Promise<unknown>;

/** The workflow, with what sends its mails. */
export const onboardingBy = (mail: Mail) =>
  workflow("onboarding", async (ctx, { id, patience }: User) => {
    await ctx.run("welcome", (step) => mail(step.idempotencyKey, id, "welcome"));
    const finished = await ctx.waitFor("onboarding-completed", {
      timeout: patience,
      where: (event) => (event as { user: string }).user === id,
    });
    if (finished !== undefined) return "finished";
    await ctx.run("follow-up", (step) => mail(step.idempotencyKey, id, "follow-up"));
    return "reminded";
  });

if (import.meta.main) {
  const sent = new Map<string, string[]>();
  const onboarding = onboardingBy(async (_key, user, what) => {
    sent.set(user, [...(sent.get(user) ?? []), what]);
  });
  const store = process.env["MILLRACE_STORE"] ?? "memory";
  const millrace = await open({ store, workflows: [onboarding], parkAfter: "20ms" });
  const signup = (id: string, patience: string) =>
    millrace.start(onboarding, { id, patience }, { id: `onboarding-${id}` });
  const [ada, bob, eve] = [
    await signup("ada", "3d"),
    await signup("bob", "100ms"),
    await signup("eve", "3d"),
  ];
  await ada.signal("onboarding-completed", { user: "bob" });
  await ada.signal("onboarding-completed", { user: "ada" });
  for await (const event of eve.events()) if (event.type === "wait.opened") break;
  await eve.cancel({ by: "eve", reason: "unsubscribed" });
  await bob.result();
  const ends = [
    await ada.result(),
    await eve.result().catch((error: unknown) => {
      if (!isMillraceError(error, "E_RUN_CANCELLED")) throw error;
      return "unsubscribed";
    }),
  ];
  const mails = (user: string): string => (sent.get(user) ?? []).join(", ");
  console.log(
    `ada: ${mails("ada")}, ${ends[0]}; bob: ${mails("bob")}; eve: ${mails("eve")}, ${ends[1]}`,
  );
  await millrace.close();
}
