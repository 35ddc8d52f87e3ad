// Rejections that nobody awaits, in processes of their own: vitest itself listens for them.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const fixture = fileURLToPath(new URL("loose-ends.fixture.ts", import.meta.url));

function play(scene: string): { readonly status: number | null; out: string; err: string } {
  const child = spawnSync(process.execPath, [fixture, scene], { encoding: "utf8" });
  return { status: child.status, out: child.stdout.trim(), err: child.stderr };
}

describe("a workflow's loose ends", () => {
  it("do not end the process when they are awaited later", () => {
    expect(play("later")).toMatchObject({
      status: 0,
      out: '{"ok":true,"value":"rescued: step a failed: it broke"}',
      err: "",
    });
  });

  it("do not end the process when they are never awaited", () => {
    expect(play("never")).toMatchObject({ status: 0, out: '{"ok":true}' });
  });

  it("leave Node's reaction to other rejections as it is", () => {
    const { status, out, err } = play("foreign");
    expect(status).toBe(1);
    expect(out).toBe("");
    expect(err).toMatch(/Error: foreign/);
  });

  it("reach no listener of the program, which hears all others", () => {
    expect(play("heard")).toMatchObject({ status: 0, out: '["Error: foreign"]' });
  });
});
