// Runs that stay at work until they are told to end, and what a scene's log says of them.
import { type Deferred, deferred } from "../../src/kernel/async.ts";
import { only, type Scene } from "./kit/scene.ts";

/** What the runs of these tests are about. */
export interface Job {
  readonly customer: string;
  readonly no: number;
}

/** Work that ends when it is told to; which runs are at it, and in which order they began. */
export class Works {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, Deferred<void>>();

  readonly at = async (run: string): Promise<string> => {
    this.begun.push(run);
    const end = deferred<void>();
    this.#ends.set(run, end);
    await end.promise;
    return run;
  };

  get working(): readonly string[] {
    return [...this.#ends.keys()];
  }

  end(run: string): void {
    this.#ends.get(run)?.resolve();
    this.#ends.delete(run);
  }
}

/** Who has asked at a gate, in order. */
export const asked = async (scene: Scene): Promise<string[]> =>
  only(await scene.log(), "gate.asked").map(({ holder }) => holder);

/** Who was let in, in order. */
export const admitted = async (scene: Scene): Promise<string[]> =>
  only(await scene.log(), "gate.admitted").map(({ holder }) => holder);
