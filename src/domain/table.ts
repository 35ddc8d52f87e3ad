/**
 * The hot path of the machines. XState's own `transition()` builds an actor per call (25-57 µs);
 * folding a log needs a hundred times less. So each machine is flattened once, when this module's
 * caller loads, into a table read from the machine itself. The machine stays the definition: anything
 * whose meaning the table cannot carry is refused here, and a property test holds both to be equal.
 */
import { type AnyStateMachine, getNextTransitions } from "xstate";
import type { Recipe } from "../../machines/reducer.ts";
import { err, ok, type Result } from "../kernel/result.ts";

/** One actor as the engine keeps it: the state it is in, and its context. */
export interface Actor<C> {
  state: string;
  readonly context: C;
}

/** A command or event that the machine does not take in its present state. */
export interface Refusal {
  readonly state: string;
  readonly refused: string;
}

interface Args {
  context: unknown;
  event: { type: string };
}

interface Row {
  readonly guard: ((args: Args) => boolean) | undefined;
  readonly target: string | undefined;
  readonly recipes: readonly Recipe<unknown, unknown>[];
  readonly emits: readonly ((args: Args) => unknown)[];
  /** Does nothing, and so keeps the rows after it from being taken: XState's forbidden transition. */
  readonly forbids: boolean;
}

/** A machine as the engine runs it: what `compileMachine` makes of it. */
export interface Table<C, Command extends { type: string }, Event extends { type: string }> {
  /** Names of the states that end the actor. */
  readonly finals: ReadonlySet<string>;
  /** An actor in the machine's initial state. */
  create(context: C): Actor<C>;
  can(actor: Actor<C>, input: Command | Event): boolean;
  /** The events that the command leads to; the actor is not changed. */
  decide(actor: Actor<C>, command: Command): Result<readonly Event[], Refusal>;
  /** Moves the actor by a recorded event, in place. Nothing is changed when it is refused. */
  evolve(actor: Actor<C>, event: Event): Result<void, Refusal>;
}

/**
 * The table of `machine`.
 * @throws Error at start for every feature that has no durable meaning (timers, invoked or spawned
 * actors, entry and exit actions, eventless transitions, output) or that the table does not carry
 * (nested and parallel states, transitions of the root, wildcards, combined guards, parameters of guards
 * and actions, actions other than `emit` and `assign(reducer(…))`, both of these in one transition)
 */
export function compileMachine<C, Command extends { type: string }, Event extends { type: string }>(
  machine: AnyStateMachine,
): Table<C, Command, Event> {
  const { rows, finals, initial } = flatten(machine);

  const pick = (actor: Actor<C>, event: { type: string }): Row | undefined => {
    for (const row of rows.get(actor.state)?.get(event.type) ?? []) {
      if (row.guard === undefined || row.guard({ context: actor.context, event })) {
        return row.forbids ? undefined : row;
      }
    }
    return undefined;
  };
  const refusal = (actor: Actor<C>, event: { type: string }): Refusal => ({
    state: actor.state,
    refused: event.type,
  });

  return {
    finals,
    create: (context) => ({ state: initial, context }),
    can: (actor, input) => pick(actor, input) !== undefined,
    decide(actor, command) {
      const row = pick(actor, command);
      if (row === undefined || row.emits.length === 0) return err(refusal(actor, command));
      const args = { context: actor.context, event: command };
      return ok(row.emits.map((make) => make(args) as Event));
    },
    evolve(actor, event) {
      const row = pick(actor, event);
      if (row === undefined || row.emits.length > 0) return err(refusal(actor, event));
      for (const recipe of row.recipes) recipe(actor.context, event);
      if (row.target !== undefined) actor.state = row.target;
      return ok(undefined);
    },
  };
}

type Rows = Map<string, Map<string, Row[]>>;
type Node = AnyStateMachine["root"];

function flatten(machine: AnyStateMachine): { rows: Rows; finals: Set<string>; initial: string } {
  const rows: Rows = new Map();
  const finals = new Set<string>();
  const { root } = machine;
  if (root.type !== "compound") throw refused(machine, `a root of type ${root.type}`);
  if (root.transitions.size > 0) throw refused(machine, "a transition of the root");
  refuseEffects(machine, root);
  for (const [key, node] of Object.entries(root.states)) {
    refuseEffects(machine, node);
    if (node.type === "final") {
      finals.add(key);
      continue;
    }
    if (node.type !== "atomic") throw refused(machine, `the ${node.type} state ${key}`);
    rows.set(key, rowsOf(machine, key));
  }
  const initial = root.initial?.target?.[0]?.key;
  if (initial === undefined) throw refused(machine, "no initial state");
  if (root.initial.actions.length > 0) throw refused(machine, "an action on its initial state");
  return { rows, finals, initial };
}

/** Everything about a state, the root included, that would happen by itself. */
function refuseEffects(machine: AnyStateMachine, node: Node): void {
  if (node.entry.length > 0 || node.exit.length > 0) {
    throw refused(machine, `an entry or exit action, or a delayed transition, in ${node.key}`);
  }
  if (node.invoke.length > 0) throw refused(machine, `an invoked actor in ${node.key}`);
  if (node.always !== undefined && node.always.length > 0) {
    throw refused(machine, `an eventless transition in ${node.key}`);
  }
  if (node.output !== undefined) throw refused(machine, `an output in ${node.key}`);
}

function rowsOf(machine: AnyStateMachine, state: string): Map<string, Row[]> {
  const byEvent = new Map<string, Row[]>();
  // XState's own order: the first enabled row of an event wins.
  for (const transition of getNextTransitions(
    machine.resolveState({ value: state, context: {} }),
  )) {
    const { eventType } = transition;
    if (eventType.includes("*")) throw refused(machine, `the wildcard ${eventType} in ${state}`);
    if ((transition.target?.length ?? 0) > 1) throw refused(machine, `two targets of ${eventType}`);
    const row = readRow(machine, transition);
    if ((row.target !== undefined || row.recipes.length > 0) && row.emits.length > 0) {
      throw refused(machine, `${eventType} in ${state}: it both emits and changes the actor`);
    }
    const list = byEvent.get(eventType) ?? [];
    list.push(row);
    byEvent.set(eventType, list);
  }
  return byEvent;
}

type Transition = ReturnType<typeof getNextTransitions>[number];

/** What XState's `assign` and `emit` make. */
interface Found {
  readonly type?: string;
  readonly assignment?: { readonly recipe?: Recipe<unknown, unknown> };
  readonly event?: unknown;
}

function readRow(machine: AnyStateMachine, transition: Transition): Row {
  const recipes: Recipe<unknown, unknown>[] = [];
  const emits: ((args: Args) => unknown)[] = [];
  for (const action of transition.actions as readonly unknown[]) {
    if ((action as { params?: unknown }).params !== undefined) {
      throw refused(machine, `parameters of an action on ${transition.eventType}`);
    }
    const found = resolve(machine.implementations.actions, action) as Found | undefined;
    // `type`, `assignment` and `event` of these action objects are not documented by XState: its
    // version is pinned to ~5.33, and the equality test runs against the machine itself.
    if (found?.type === "xstate.assign" && found.assignment?.recipe !== undefined) {
      recipes.push(found.assignment.recipe);
    } else if (found?.type === "xstate.emit") {
      const { event } = found;
      emits.push(typeof event === "function" ? (event as (args: Args) => unknown) : () => event);
    } else {
      throw refused(
        machine,
        `an action on ${transition.eventType} that is neither emit nor assign(reducer(…))`,
      );
    }
  }
  const target = transition.target?.[0]?.key;
  const forbids = target === undefined && recipes.length + emits.length === 0;
  return { guard: readGuard(machine, transition), target, recipes, emits, forbids };
}

function readGuard(machine: AnyStateMachine, transition: Transition): Row["guard"] {
  const { guard } = transition;
  if (guard === undefined) return undefined;
  const found = resolve(machine.implementations.guards, guard);
  const combined = typeof found === "function" && "check" in found;
  if (
    typeof found !== "function" ||
    combined ||
    (guard as { params?: unknown }).params !== undefined
  ) {
    throw refused(machine, `the guard of ${transition.eventType}: only plain named guards`);
  }
  return found as unknown as Row["guard"];
}

function resolve(named: object, reference: unknown): unknown {
  if (typeof reference === "function") return reference;
  const name = typeof reference === "string" ? reference : (reference as { type: string }).type;
  return (named as Record<string, unknown>)[name];
}

const refused = (machine: AnyStateMachine, what: string): Error =>
  new Error(`machine "${machine.id}" has ${what}, which an event-sourced actor cannot carry`);
