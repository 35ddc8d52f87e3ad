// Random lives of each machine: XState is the model, the real thing is the compiled table with an
// append-only log, which may crash and be folded again at any moment.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot } from "xstate";
import type { Actor } from "../../src/domain/table.ts";
import { type Message, type Subject, subjects, xstate } from "./subject.ts";

/** XState's side, and the states that were reached. */
interface Model {
  snapshot: AnyMachineSnapshot;
  readonly subject: Subject;
  readonly reached: Set<string>;
}

/** An actor that moves by appended events only. */
class Real {
  readonly subject: Subject;
  readonly log: string[] = [];
  actor: Actor<object>;

  constructor(subject: Subject) {
    this.subject = subject;
    this.actor = subject.table.create(subject.fresh());
  }

  /** The appended events; undefined: refused. */
  send(command: Message): readonly Message[] | undefined {
    const decided = this.subject.table.decide(this.actor, command);
    if (!decided.ok) return undefined;
    for (const event of decided.value) this.append(event);
    return decided.value;
  }

  append(event: Message): void {
    this.log.push(JSON.stringify(event));
    assert.equal(this.subject.table.evolve(this.actor, event).ok, true);
  }

  refold(): void {
    const { table, fresh } = this.subject;
    this.actor = table.create(fresh());
    for (const line of this.log) {
      assert.equal(table.evolve(this.actor, JSON.parse(line) as Message).ok, true);
    }
  }
}

function same(model: Model, real: Real): void {
  assert.equal(real.actor.state, model.snapshot.value);
  assert.deepEqual(real.actor.context, model.snapshot.context);
  const { finals } = real.subject.table;
  assert.equal(finals.has(real.actor.state), model.snapshot.status === "done");
}

/** A command that XState takes now: what it emits is appended, and moves both. */
class Send implements fc.Command<Model, Real> {
  readonly #command: Message;
  /** It speaks of the attempt that is under way (or the first), whatever number was drawn. */
  readonly #aimed: boolean;

  constructor(command: Message, aimed = false) {
    this.#command = command;
    this.#aimed = aimed && "attempt" in command;
  }

  check(model: Readonly<Model>): boolean {
    return xstate.legal(model.snapshot, this.command(model));
  }

  run(model: Model, real: Real): void {
    const { machine } = model.subject;
    const command = this.command(model);
    const expected = xstate.decide(machine, model.snapshot, command);
    assert.ok(expected.length > 0);
    assert.deepEqual(real.send(command), expected);
    for (const event of expected) {
      model.snapshot = xstate.evolve(machine, model.snapshot, event);
    }
    model.reached.add(String(model.snapshot.value));
    same(model, real);
  }

  protected command(model: Readonly<Model>): Message {
    const { attempt } = model.snapshot.context as { attempt?: number };
    const aimed = { ...this.#command, attempt: Math.max(1, attempt ?? 1) };
    return this.#aimed ? aimed : this.#command;
  }

  toString(): string {
    return `${this.#aimed ? "aimed " : ""}${JSON.stringify(this.#command)}`;
  }
}

class Refused extends Send {
  override check(model: Readonly<Model>): boolean {
    return !super.check(model);
  }

  override run(model: Model, real: Real): void {
    const before = real.log.length;
    assert.equal(real.send(this.command(model)), undefined);
    assert.equal(real.log.length, before);
    same(model, real);
  }

  override toString(): string {
    return `refused ${super.toString()}`;
  }
}

/** An event that no command leads to: how a run begins. */
class Born extends Send {
  override run(model: Model, real: Real): void {
    const event = this.command(model);
    real.append(event);
    model.snapshot = xstate.evolve(model.subject.machine, model.snapshot, event);
    model.reached.add(String(model.snapshot.value));
    same(model, real);
  }
}

class CrashAndRefold implements fc.Command<Model, Real> {
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    real.refold();
    same(model, real);
  }
  toString(): string {
    return "crash and refold";
  }
}

/** Most lives would be over at once if these came as often as the others. */
const DEADLY = new Set(["cmd.cancel", "cmd.terminate", "cmd.skip", "cmd.give_up", "cmd.gone"]);

describe.each(subjects)("the $name machine", (subject) => {
  it("lives on the compiled table and a log as it lives in XState", () => {
    const reached = new Set<string>();
    const births = subject.events.filter((event) => event.type === "run.created");
    const gentle = subject.commands.filter(({ type }) => !DEADLY.has(type));
    const lives = fc.commands(
      [
        ...(subject.name === "run" ? [births.map((event) => new Born(event))] : []),
        subject.commands.map((command) => new Send(command)),
        gentle.map((command) => new Send(command, true)),
        gentle.map((command) => new Send(command, true)),
        gentle.map((command) => new Send(command, true)),
        subject.commands.map((command) => new Refused(command)),
        fc.constant(new CrashAndRefold()),
      ],
      { maxCommands: 60, size: "max" },
    );
    const property = fc.property(lives, (life) =>
      fc.modelRun(
        () => ({
          model: { snapshot: xstate.initial(subject), subject, reached },
          real: new Real(subject),
        }),
        life,
      ),
    );
    // Steps have the most states: few lives see them all.
    fc.assert(property, { numRuns: subject.name === "step" ? 1_200 : 500 });
    const initial = String(xstate.initial(subject).value);
    const expected = subject.states.filter((state) => state !== initial);
    expect([...reached].filter((state) => state !== initial).sort()).toEqual(expected.sort());
  });
});
