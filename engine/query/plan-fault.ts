/**
 * What can be wrong with a plan: one table of codes, a sentence each. Codes are part of the
 * contract, so one is never renamed in silence; the detail after the sentence names what was got.
 */
export const PLAN_FAULTS = {
  expected_object: "A plan is one JSON object.",
  wrong_type: "The value has another type than this member takes.",
  missing_member: "A required member is missing.",
  unknown_member: "Nothing here has this name.",
  unsupported_version: "The version of a plan is the number 1.",
  empty_list: "At least one is needed here.",
  too_many: "There are more than the limit.",
  bad_name: "A name is a string of 1 to 128 bytes in UTF-8.",
  forbidden_name: "`__proto__` is no name and no part of a path.",
  duplicate_name: "This name stands before already.",
  reserved_name: "This name is taken by the envelope or by spans.",
  bad_limit: "A limit is an integer from 1 to 2147483647.",
  bad_duration: "A duration is an integer with a unit (250ms 30s 5m 1h 1d 1w), or milliseconds.",
  duration_too_long: "A duration has at most 2^50 ms.",
  bad_event_type: "An event type is exact, a prefix that ends in `.*`, or `*` alone.",
  duplicate_type: "This event type stands in the list already.",
  from_and_span: "A query reads either events (`from`) or spans (`span`).",
  shared_type: "`from` and `to` of a span share no event type.",
  unknown_window_kind: "No window has this kind.",
  bad_size: "A size is more than 0.",
  bad_offset: "An offset is smaller than its window, in either direction.",
  bad_every: "`every` is more than 0 and at most the size.",
  uneven_every: "The size of a cumulating window is a multiple of `every`.",
  too_many_windows: "An event is in at most 100000 windows: the size is at most so many `every`.",
  bad_gap: "The gap of a session is more than 0.",
  bad_calendar_size: "A size in months or years is `1mo` or `1y`, of a tumbling window.",
  timezone_required: "A size in months or years needs a timezone.",
  timezone_not_allowed: "A timezone goes with tumbling windows of 1d, 1w, 1mo or 1y only.",
  unknown_timezone: "No IANA time zone has this name.",
  week_without_zone:
    'A size in weeks needs a timezone or an offset; with "0s" weeks begin on a Thursday, as 1970.',
  grace_required: 'Every window but a global one needs a grace; "0s" is one.',
  wait_not_allowed: "Only a query that has `with` and no span has a `wait`.",
  wait_over_grace: "Waiting (with `early`, in a span) lasts no longer than the window's grace.",
  unknown_table: "The plan has no table of this name.",
  history_too_short: "A table keeps at least every wait and grace of the queries that read it.",
  unknown_function: "No aggregate function has this name.",
  bad_quantile: "`q` is a number from 0 to 1, or a list of them.",
  bad_top: "`k` is an integer from 1 to 1000.",
  bad_bounds: "`bounds` is a list of numbers, each greater than the one before.",
  bad_expression: "An expression is a literal or a list that begins with an operator.",
  unknown_operator: "No operator has this name.",
  operand_count: "The operator takes another number of operands.",
  bad_literal: "A literal is null, true, false, a finite number or a well-formed string.",
  bad_path: "A path is a string of 1 to 32 names with dots between them.",
  expression_too_deep: "An expression nests at most 64 levels.",
  expression_too_large: "An expression has at most 4096 parts.",
  unknown_aggregate: "The query has no aggregate of this name.",
  unknown_emit: "`emit` is all, final or none.",
  plan_too_large: "The plan is too large to run: say it with fewer or shorter expressions.",
  unknown_catalogue: "No catalogue of this name was given.",
  not_supported_yet: "This version does not run this yet.",
} as const satisfies Record<string, string>;

export type PlanFaultCode = keyof typeof PLAN_FAULTS;

export interface PlanFault {
  readonly code: PlanFaultCode;
  /** RFC 6901, into the plan: the value at fault, or the place of the missing member. */
  readonly pointer: string;
  readonly message: string;
}
