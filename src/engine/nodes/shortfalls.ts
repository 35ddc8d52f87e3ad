/** What there was no room for in one turn of a run, so that hundreds of steps alike are looked at once. */
import type { StepRequest } from "../../cluster/allocator.ts";
import { fits, ONE_SLOT, type Resources } from "../../cluster/resources.ts";

export class Shortfalls {
  /** By what else the requests say. */
  readonly #short = new Map<string, Resources[]>();

  /** Nothing was refused. */
  get none(): boolean {
    return this.#short.size === 0;
  }

  /** Something was refused that a free slot, on whatever node, would not be enough for. */
  get notOnlySlots(): boolean {
    const other = [...this.#short].find(
      ([key, refused]) => key !== "" || refused.some((one) => one !== ONE_SLOT),
    );
    return other !== undefined;
  }

  clear(): void {
    this.#short.clear();
  }

  /** Something that needs no more, and says the same beside, has found no room. */
  covers(request: StepRequest): boolean {
    const before = this.#short.get(selectionOf(request)) ?? [];
    return before.some((less) => fits(less, request.resources));
  }

  add(request: StepRequest): void {
    const key = selectionOf(request);
    const before = this.#short.get(key) ?? [];
    this.#short.set(key, [...before, request.resources]);
  }
}

const selectionOf = ({ pin, labels, collocateWith, spread }: StepRequest): string =>
  pin === undefined && labels === undefined && collocateWith === undefined && spread === undefined
    ? ""
    : JSON.stringify([pin, labels, collocateWith, spread !== undefined]);
