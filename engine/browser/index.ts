// The public surface of `millrace/browser`. Importing it does nothing, with or without a window.

export { connect, Connection } from "./client.ts";
export type { ConnectOptions, ConnectPushOptions, ConnectStats, ConnectView } from "./client.ts";
export type { ConnectMode, ConnectStorage } from "./protocol.ts";
export { deleteLog } from "./delete-log.ts";
export { indexeddb } from "../store/indexeddb.ts";
export type { ArchivedChunk, Retention } from "../retention.ts";
