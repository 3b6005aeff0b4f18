/** Faults of a host: a full disk, a broken chunk, a memory that cannot hold a push. */
export type HostFaultCode =
  | "quota_exceeded"
  | "storage_unavailable"
  | "storage_blocked"
  | "worker_gone"
  | "worker_unavailable"
  | "plan_conflict"
  | "retention_conflict"
  | "replaced"
  | "chunk_broken"
  | "log_broken"
  | "log_truncated"
  | "log_lost"
  | "log_trimmed"
  | "log_incomplete"
  | "state_full"
  | "too_many_years"
  | "unknown_id"
  | "unknown_query"
  | "bad_range"
  | "bad_time"
  | "bad_key"
  | "bad_window"
  | "core_failed"
  | "engine_flushed"
  | "engine_closed"
  | "publisher_closed";

/** An error that a host can meet in operation; `code` is stable, the message says what to do. */
export class HostFault extends Error {
  override readonly name = "HostFault";
  readonly code: HostFaultCode;
  constructor(code: HostFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
