/** What nodes that execute a run's steps say to it, durable in its inbox: whoever hosts it then takes it. */
import type { Position } from "../../ports/event-log.ts";
import type { Engine } from "../engine.ts";
import { encodeInput, type Input } from "../turn/input.ts";

/** No ticket goes with it: a run whose steps run is never parked, and peers see to it that it has a host. */
export const tellRun = (
  engine: Engine,
  run: string,
  input: Extract<Input, { kind: "report" | "note" }>,
): Promise<Position> => engine.store.inbox.post(run, encodeInput(input));
