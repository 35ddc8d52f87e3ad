/** What the cases about the inbox have in common: posting in a row, and hearing of it. */
import type { Inbox, StoredInput } from "../../ports/inbox.ts";
import { decode, encode } from "./contents.ts";
import type { CaseContext } from "./contract.ts";

/** For comparing what came: the bytes as text. */
export const bodiesOf = (inputs: readonly StoredInput[]): readonly string[] =>
  inputs.map((input) => decode(input.bytes));

/** For comparing which inputs came, and in what order. */
export const positionsOf = (inputs: readonly StoredInput[]): readonly number[] =>
  inputs.map((input) => input.position);

/** Posts the `bodies` of the run, one after the other; returns the positions. */
export async function postMany(
  inbox: Inbox,
  run: string,
  count: number,
): Promise<readonly number[]> {
  const positions: number[] = [];
  for (const body of bodies(run, count)) positions.push(await inbox.post(run, encode(body)));
  return positions;
}

/** `count` texts that name the run: "a 1", "a 2" … */
export const bodies = (run: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, nth) => `${run} ${nth + 1}`);

/** What a watcher was told, and a way to wait for it. */
export async function watching(context: CaseContext, inbox: Inbox, run: string) {
  const heard: StoredInput[] = [];
  const stop = await inbox.watch(
    run,
    (input) => void heard.push(input),
    () => undefined,
  );
  const heardAll = (count: number): Promise<void> =>
    context.eventually(`a watcher hears ${count} inputs`, () => heard.length >= count);
  return { heard, stop, heardAll };
}
