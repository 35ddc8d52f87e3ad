/**
 * Vectors of named amounts: what a node has, what of it is free, what a step takes. Any name may be
 * used; a name that is absent has the amount 0.
 *
 * Amounts are kept to a thousandth and computed in whole thousandths, so that taking and giving back,
 * in any order and however often, ends exactly where it began.
 */
import { MillraceError } from "../kernel/errors.ts";
import { ID_PATTERN } from "../kernel/ids.ts";

/** Amounts by name: `{ cpu: 2, memory: 512, "gpu-a100": 0.5 }`. */
export type Resources = Readonly<Record<string, number>>;

/** Parts of one that are told apart. */
const PARTS = 1_000;
/** Largest amount whose thousandths are exact: 9 TB in bytes. Count larger things in MB. */
export const AMOUNT_MAX = 9_000_000_000_000;

/** Nothing at all. */
export const NOTHING: Resources = Object.freeze({});

/** What a step takes that says nothing about resources: one slot. */
export const ONE_SLOT: Resources = Object.freeze({ steps: 1 });

/**
 * A checked, frozen copy. Names that are given an amount of 0 are left out.
 * @param what whose they are, for messages: "step a: resources"
 * @throws MillraceError `E_OPTION_INVALID` for anything but an object of amounts from 0 to `AMOUNT_MAX`
 */
export function checkResources(what: string, raw: unknown): Resources {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw refused(what, "must be an object of amounts by name, such as { cpu: 1 }");
  }
  const checked: Record<string, number> = {};
  for (const [name, amount] of Object.entries(raw as Record<string, unknown>)) {
    if (!ID_PATTERN.test(name)) {
      throw refused(what, `${JSON.stringify(name.slice(0, 64))} is no name of A-Z a-z 0-9 _ -`);
    }
    if (typeof amount !== "number" || !(amount >= 0 && amount <= AMOUNT_MAX)) {
      const shown = typeof amount === "number" ? String(amount) : `a ${typeof amount}`;
      throw refused(what, `${name} is ${shown}; it must be a number from 0 to ${AMOUNT_MAX}`);
    }
    if (Math.round(amount * PARTS) / PARTS !== amount) {
      throw refused(what, `${name} is ${amount}; amounts are kept to a thousandth`);
    }
    if (amount > 0) checked[name] = amount;
  }
  return Object.freeze(checked);
}

const refused = (what: string, why: string): MillraceError =>
  new MillraceError("E_OPTION_INVALID", `${what}: ${why}`, { details: { option: what } });

/** How much there is of `name`. */
export const amountOf = (resources: Resources, name: string): number =>
  Object.hasOwn(resources, name) ? (resources[name] ?? 0) : 0;

/** Whether every amount of `request` is there in `free`. */
export const fits = (request: Resources, free: Resources): boolean =>
  Object.keys(request).every((name) => amountOf(request, name) <= amountOf(free, name));

/** What of `request` is not there in `free`, by name; nothing exactly when it fits. */
export function shortage(request: Resources, free: Resources): Resources {
  const missing: Record<string, number> = {};
  for (const name of Object.keys(request)) {
    const parts = partsOf(request, name) - partsOf(free, name);
    if (parts > 0) missing[name] = parts / PARTS;
  }
  return missing;
}

/** Both together. */
export function add(left: Resources, right: Resources): Resources {
  const sum: Record<string, number> = { ...left };
  for (const name of Object.keys(right)) {
    sum[name] = (partsOf(left, name) + partsOf(right, name)) / PARTS;
  }
  return sum;
}

/**
 * What is left once `taken` is gone. Every name of `from` stays, also with nothing left of it.
 * @throws Error when more is taken than there is: that would be a fault of whoever counts
 */
export function subtract(from: Resources, taken: Resources): Resources {
  const left: Record<string, number> = { ...from };
  for (const name of Object.keys(taken)) {
    const parts = partsOf(from, name) - partsOf(taken, name);
    if (parts < 0) throw new Error(`${-parts / PARTS} more ${name} is taken than there is`);
    if (parts > 0 || Object.hasOwn(from, name)) left[name] = parts / PARTS;
  }
  return left;
}

/** For people: "cpu 2, memory 512". */
export const shown = (resources: Resources): string =>
  Object.entries(resources)
    .map(([name, amount]) => `${name} ${amount}`)
    .join(", ") || "nothing";

const partsOf = (resources: Resources, name: string): number =>
  Math.round(amountOf(resources, name) * PARTS);
