/** What the cases about the inbox have in common: posting in a row, and hearing of it. */
import type { Inbox, StoredInput } from "../ports/inbox.ts";
import type { CaseContext } from "./contract.ts";
import { decode, encode } from "./event-log-contract-kit.ts";

export const bodiesOf = (inputs: readonly StoredInput[]): readonly string[] =>
  inputs.map((input) => decode(input.bytes));

export const positionsOf = (inputs: readonly StoredInput[]): readonly number[] =>
  inputs.map((input) => input.position);

/** Posts "1", "2" … "count", one after the other; returns the positions. */
export async function postMany(
  inbox: Inbox,
  run: string,
  count: number,
): Promise<readonly number[]> {
  const positions: number[] = [];
  for (let nth = 1; nth <= count; nth += 1)
    positions.push(await inbox.post(run, encode(`${run} ${nth}`)));
  return positions;
}

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
