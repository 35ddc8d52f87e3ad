/** What every part of the engine works with: the ports, the codecs, and who this process is. */
import type { FrameCodec } from "../events/frame.ts";
import type { Logger } from "../kernel/logger.ts";
import type { Store, World } from "../ports/store.ts";

export interface Engine {
  readonly store: Store;
  readonly world: World;
  /** Id of this process. */
  readonly node: string;
  readonly logger: Logger;
  /** Writes new frames. */
  readonly codec: FrameCodec;
  /** Reads frames: `codec` and those of older frames. */
  readonly codecs: readonly FrameCodec[];
}
