// What the pages of these tests have in their global scope.

import type {
  connect as connectTo,
  Connection as Connected,
  deleteLog as deleteLogOf,
} from "../../engine/browser/index.ts";
import type { Change as Told } from "../../engine/index.ts";

declare global {
  var connect: typeof connectTo;
  var deleteLog: typeof deleteLogOf;
  type Connection = Connected;
  type Change = Told;
  /** Of a tab: its connection, and what it was told. */
  var connection: Connection;
  var told: Change[];
  var faults: string[];
  /** The view that it follows. */
  var followed: { deltas: number[]; stop: () => void; rows: () => readonly unknown[] };
  /** The worker of the page has begun to hang. */
  var hanging: Promise<void>;
  /** Terminates every worker of the page behind its back. */
  var killWorkers: () => void;
}
