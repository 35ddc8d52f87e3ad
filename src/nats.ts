/** Public entry "millrace/nats": the live feed, for programs that listen to NATS themselves. */

export {
  type LiveFrame,
  type LiveMessage,
  type LiveScope,
  liveFrame,
  liveSubject,
} from "./adapters/nats/live-feed.ts";
