/**
 * Handoff's strategy, sticky first fit: nodes by name, the host of the run first; a node that was chosen
 * comes first from then on, so that what belongs together stays together while there is room.
 */
import type { Allocator } from "../allocator.ts";
import { byPreference } from "../candidates.ts";

/** Good for chains of steps that hand each other large values; leaves other nodes empty for others. */
export const firstAvailable: Allocator = byPreference("first-available", ({ id }, _, view) => {
  const recent = view.recent.indexOf(id);
  if (recent >= 0) return { ranks: [0, recent], reason: "the first with room, used before" };
  if (id === view.self) return { ranks: [1, 0], reason: "the first with room, the run's host" };
  return { ranks: [2, 0], reason: "the first with room" };
});
