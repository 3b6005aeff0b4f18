// Every offset, limit, opcode and fault number that the core and its host share. Both compilers
// read this file (asc and tsc), so it holds integer constants and nothing else: no imports, no
// type annotations. Each offset is the previous offset plus the previous size.
//
//   0 ────── PROGRAM ─────── SCAN ─────── STATE ────────── told ─────────── scratch ──────────►
//     static   compiled plan   what the     f(log entries)   what was         batch in,
//     data     (compile.ts)    scan knows   hashed, saved    emitted, saved   changes out

/** Grows with the format of state and program; a snapshot of another is not read. */
export const LAYOUT_VERSION = 8;

// ── the memory map ─────────────────────────────────────────────────────────────────────────────

export const PAGE_BYTES = 65536;
/** The compiled plan. Constant data of the core lies below. */
export const PROGRAM = 65536;
export const PROGRAM_BYTES_MAX = 163840;
/** Names of open objects, the latest types, shapes of events: neither hashed nor saved. */
export const SCAN = 229376;
/** Keys and records found last: neither hashed nor saved. */
export const FOUND = 262144;
/** The state region starts here and never moves, so what points into it is an address. */
export const STATE = 393216;
/** What was told begins with so many bytes in an image: they are copied in before all else. */
export const TOLD_HEAD_BYTES = 64;

// ── the batch: one slot a line ─────────────────────────────────────────────────────────────────
//
//   ┌──────┬─────────┬───────┬───────┬──────┬──────┬───────┬──────────────┬──────┬──────┬──────────┬───────┐
//   │ kind │ verdict │ fault │ flags │ line │ size │ route │ identity 128 │ time │ mark │ received │ first │
//   └──────┴─────────┴───────┴───────┴──────┴──────┴───────┴──────────────┴──────┴──────┴──────────┴───────┘

export const SLOT_KIND = 0; // u8
export const SLOT_VERDICT = 1; // u8
export const SLOT_FAULT = 2; // u8
export const SLOT_FLAGS = 3; // u8, the flags of all the values in the line's row
export const SLOT_LINE = 4; // u32, offset of the line in the batch's bytes; a tick's is its own
export const SLOT_LINE_BYTES = 8; // u32
export const SLOT_ROUTE = 12; // u32, which queries take the event's type (route.ts)
export const SLOT_IDENTITY = 16; // u64 × 2, SipHash-1-3-128 of source and eventId
export const SLOT_TIME = 32; // i64, event time of an event, the instant of a tick
export const SLOT_MARK = 40; // u64, the content mark
export const SLOT_RECEIVED = 48; // i64, RECEIVED_UNKNOWN where the host did not say
/** f64, position of an entry; else of its identity's first event (DUPLICATE, DIFFERS). */
export const SLOT_FIRST = 56;
export const SLOT_BYTES = 64;

/** SLOT_KIND. */
export const KIND_FAULTY = 0;
export const KIND_EVENT = 1;
export const KIND_TICK = 2;
/** The scan leaves the line to the strict lane, which then says what it is. */
export const KIND_ODD = 3;

/** SLOT_TIME of a tick that moves no clock, not even the first. */
export const TICK_NEVER = -9007199254740991;

/** SLOT_VERDICT: what becomes of a line. */
export const VERDICT_NONE = 0;
export const VERDICT_ACCEPTED = 1;
export const VERDICT_DUPLICATE = 2;
/** The identity is known and the marks differ: the host compares the contents themselves. */
export const VERDICT_DIFFERS = 3;
export const VERDICT_INVALID = 4;
export const VERDICT_QUARANTINED = 5;

/** SLOT_FAULT of a line that probe holds back. */
export const FAULT_NONE = 0;
export const FAULT_TIME_TOO_OLD = 1;
export const FAULT_TIME_IN_FUTURE = 2;

// The envelope row, one a batch: where the strict lane found the eight members' raw values of the
// event at hand (offset, length; length 0 is absent), then the unescaped eventId and source.
export const ENVELOPE_MEMBERS = 8;
export const ENVELOPE_EVENT_ID = 64; // u32 offset, u32 length
export const ENVELOPE_SOURCE = 72;
export const ENVELOPE_BYTES = 80;

// The members of an envelope, by their numbers (engine/event/envelope.ts).
export const EVENT_ID = 0;
export const EVENT_TYPE = 1;
export const EVENT_VERSION = 2;
export const EVENT_TIME = 3;
export const CORRELATION_ID = 4;
export const CAUSATION_ID = 5;
export const SOURCE = 6;
export const DATA = 7;

// What every host holds to (contract.md, "A receipt").
export const LINE_BYTES_MAX = 262144;
export const DEPTH_MAX = 32;
export const KEYS_MAX = 256;
export const TOKEN_LENGTH_MAX = 128;
export const NAME_BYTES_MAX = 256;

// A value: tag, flags, length of a string, and its payload (a double, or the offset of the bytes).
export const VALUE_TAG = 0; // u8
export const VALUE_FLAGS = 1; // u8
export const VALUE_IS_ARRAY = 2; // u8, 1 for an array of an event, whose tag is TAG_COMPOSITE
export const VALUE_LENGTH = 4; // u32
export const VALUE_PAYLOAD = 8; // f64 | u32
export const VALUE_BYTES = 16;

export const TAG_NULL = 0;
export const TAG_FALSE = 1;
export const TAG_TRUE = 2;
export const TAG_NUMBER = 3;
export const TAG_STRING = 4;
/** An object or an array: not null, and nothing else. */
export const TAG_COMPOSITE = 5;
/** Of encoded values only: a u32 count and so many values; an expression sees a composite. */
export const TAG_LIST = 6;
/** A u32 count and so many pairs: a value, how often it came. */
export const TAG_TOP = 7;

/** VALUE_FLAGS: an integer beyond 2^53, which a double cannot hold for certain. */
export const FLAG_INEXACT = 1;

// The scratch header: where the parts of a batch lie, each relative to the scratch region's start.
export const SCRATCH_SLOTS = 0; // u32
export const SCRATCH_ENVELOPE = 4;
export const SCRATCH_VALUES = 8;
export const SCRATCH_BYTES = 12;
export const SCRATCH_STRINGS = 16; // u32, where strings behind the bytes go, relative to these
export const SCRATCH_RELEASED = 20; // u32, 1 where the lines were released from the quarantine
// Of a batch that was probed: its entries, their bytes with a newline each, and its duplicates.
export const SCRATCH_ENTRIES = 24;
export const SCRATCH_ENTRY_BYTES = 28;
export const SCRATCH_DUPLICATES = 32;
export const SCRATCH_HEADER_BYTES = 64;

// ── the program ────────────────────────────────────────────────────────────────────────────────

export const PROGRAM_MAGIC = 0x3150524d; // "MRP1"
export const PROGRAM_TOTAL = 4; // u32, bytes
export const PROGRAM_QUERIES = 8; // u32 count
export const PROGRAM_QUERY_TABLE = 12; // u32 offset
export const PROGRAM_FIELDS = 16; // u32 count of those that tables and queries read
export const PROGRAM_ROUTES = 20; // u32 count
export const PROGRAM_ROUTE_TABLE = 24; // u32 offset: per route an offset to {count, taker …}
export const PROGRAM_KEYS_MAX = 28; // u32, limits.keys
export const PROGRAM_IDENTITIES_MAX = 32; // u32, limits.identities
export const PROGRAM_LITERAL_BYTES = 36; // u32, the longest literal string
export const PROGRAM_DELAY = 40; // i64
export const PROGRAM_MAX_AHEAD = 48; // i64
export const PROGRAM_DEDUP = 56; // i64
export const PROGRAM_HASH_KEY = 64; // u64 × 2
export const PROGRAM_TABLES = 80; // u32 count
export const PROGRAM_TABLE_TABLE = 84; // u32 offset
export const PROGRAM_TYPES = 88; // u32 offset: {u32 count, route of all others, TYPE_BYTES each}
export const PROGRAM_MEMBERS = 92; // u32 offset of the event's members: {u32 count, u32 –, …}
export const PROGRAM_WHOLE = 96; // u32, the field that is the whole event, plus 1; 0: none
/** u32, of a line's values: the fields, then what else the checks of schemas read. */
export const PROGRAM_ROW_BYTES = 100;
export const PROGRAM_HEADER_BYTES = 104;

// A type that the plan names or that has a schema, or a prefix that ends with a dot: exact ones
// first, then the longest.
export const TYPE_NAME = 0; // u32 offset of its bytes
export const TYPE_NAME_BYTES = 4; // u32
export const TYPE_IS_PREFIX = 8; // u32
export const TYPE_ROUTE = 12; // u32
export const TYPE_CHECKS = 16; // u32 offset: {u32 count, u32 –, CHECK_BYTES each}; 0: no schema
export const TYPE_BYTES = 20;

// A check: what a schema asks of one value of an event.
export const CHECK_VALUE = 0; // u32, where the value is in the row
export const CHECK_KINDS = 4; // u32, a bit for each tag that it may have; an array's is TAG_LIST
export const CHECK_OBJECT = 8; // u32, where the object is in which it stands, or CHECK_IN_DATA
export const CHECK_LEAST = 12; // u32, characters of a string
export const CHECK_MOST = 16; // u32
export const CHECK_VALUES = 20; // u32 offset: {u32 count, u32 offset and u32 bytes each}; 0: any
export const CHECK_BYTES = 24;
/** It stands in `data` itself, which every event has. */
export const CHECK_IN_DATA = 0xffffffff;

// A member that a path of the plan or the envelope names: the scan looks for it by length and ends.
export const MEMBER_NAME = 0; // u32 offset of its bytes
export const MEMBER_NAME_BYTES = 4; // u32
export const MEMBER_FIRST = 8; // u64, its first 8 bytes, zeros behind them
export const MEMBER_LAST = 16; // u64, its last 8 bytes where it has more than 8
export const MEMBER_NUMBER = 24; // u16, of the envelope, or MEMBER_OTHER
export const MEMBER_FIELD = 26; // u16, the field that it is, plus 1; 0: none
export const MEMBER_MEMBERS = 28; // u32 offset of its own members; 0: none is read
export const MEMBER_BYTES = 32;
export const MEMBER_OTHER = 0xffff;

// A taker: what takes an event of a type, tables before queries: its index, and how.
export const TAKER_INDEX = 0; // u16
export const TAKER_ROLE = 2; // u16
export const TAKER_BYTES = 4;

export const ROLE_TABLE = 1;
/** A query that takes the event at once. */
export const ROLE_EVENT = 2;
/** A query that looks things up, and may wait for them. */
export const ROLE_LOOKUP = 3;
/** The two sides of a query's spans. */
export const ROLE_FROM = 4;
export const ROLE_TO = 5;

export const TABLE_KEY = 0; // u32 offset of an expression over the event's fields
export const TABLE_COLUMNS = 4; // u32 offset: {count, field …}, what a version keeps
export const TABLE_FIELDS = 8; // u32 offset: {count, field …}, all that the table reads
export const TABLE_HISTORY = 16; // i64
export const TABLE_BYTES = 24;

export const QUERY_WINDOW_KIND = 0; // u8
export const QUERY_EMIT = 1; // u8
export const QUERY_KEY_COUNT = 2; // u16
export const QUERY_ACCUMULATOR_COUNT = 4; // u16
export const QUERY_VALUE_COUNT = 6; // u16
export const QUERY_WHERE = 8; // u32 offset of an expression, 0 where none
export const QUERY_KEYS = 12; // u32 offset: u32 offset of an expression each
export const QUERY_ACCUMULATORS = 16; // u32 offset: ACCUMULATOR_BYTES each
export const QUERY_VALUES = 20; // u32 offset: OUTPUT_BYTES each
export const QUERY_WINDOW_BYTES = 24; // u32, one open window's record
export const QUERY_FIELDS = 28; // u32 offset: {count, field …} that the query reads
export const QUERY_SIZE = 32; // i64
export const QUERY_OFFSET = 40; // i64
export const QUERY_GRACE = 48; // i64
export const QUERY_RETAIN = 56; // i64
/** u32, the most that one encoded value takes but for its strings and the entries of its tops. */
export const QUERY_VALUE_BYTES = 64;
export const QUERY_BODY = 68; // u32, where a record's accumulators begin
export const QUERY_EVERY = 72; // i64, of slices; the gap of a session
export const QUERY_WAIT = 80; // i64, of a query that looks things up; of a span
export const QUERY_WITHIN = 88; // i64, of a span
export const QUERY_EARLY = 96; // i64, of a span
export const QUERY_FRAME = 104; // u32 offset: {count, FRAME_BYTES each}; 0 where there is none
export const QUERY_LOOKUPS = 108; // u32 offset: {count, LOOKUP_BYTES each}
export const QUERY_COLUMNS = 112; // u32 offset: {count, field …}: of the event, or of `from`
export const QUERY_TO_COLUMNS = 116; // u32 offset: {count, field …}: of `to`
export const QUERY_ON_FROM = 120; // u32 offset of an expression over the event's fields
export const QUERY_TEXTS = 124; // u32, how many outputs may have strings or entries of a top
export const QUERY_ZONE = 128; // u32, index of a calendar's zone
export const QUERY_UNIT = 132; // u32, of a calendar
export const QUERY_BYTES = 136;

export const UNIT_DAY = 0;
export const UNIT_WEEK = 1;
export const UNIT_MONTH = 2;
export const UNIT_YEAR = 3;

// A year of a zone, as the host writes it: its spans of constant offset follow.
export const YEAR_ZONE = 4; // u32
export const YEAR_YEAR = 8; // i32
export const YEAR_COUNT = 12; // u32
export const YEAR_SPANS = 16; // i64 start, i64 offset each
export const SPAN_BYTES = 16;

// A place of a frame: where its value comes from.
export const FRAME_SOURCE = 0; // u8
export const FRAME_LOOKUP = 1; // u8, which lookup
export const FRAME_INDEX = 2; // u16, column or member
export const FRAME_BYTES = 4;
export const FRAME_VALUES_MAX = 255;

export const SOURCE_NULL = 0;
/** A column of the event, or of the span's `from`. */
export const SOURCE_EVENT = 1;
export const SOURCE_TO = 2;
export const SOURCE_SPAN = 3;
export const SOURCE_LOOKUP = 4;

export const SPAN_DURATION = 0;
export const SPAN_OUTCOME = 1;
export const SPAN_START = 2;
export const SPAN_END = 3;
export const SPAN_TIME = 4;
/** The span itself: not null, and nothing else. */
export const SPAN_SELF = 5;

export const LOOKUP_TABLE = 0; // u32
export const LOOKUP_ON = 4; // u32 offset of an expression over the frame
export const LOOKUP_BYTES = 8;

export const WINDOW_TUMBLING = 1;
export const WINDOW_CALENDAR = 2;
export const WINDOW_GLOBAL = 3;
export const WINDOW_HOPPING = 4;
export const WINDOW_CUMULATE = 5;
export const WINDOW_SESSION = 6;

export const EMIT_ALL = 0;
export const EMIT_FINAL = 1;
export const EMIT_NONE = 2;

export const ACCUMULATOR_KIND = 0; // u8
export const ACCUMULATOR_OFFSET = 2; // u16, in the window's record
export const ACCUMULATOR_OF = 4; // u32 offset of an expression, 0 where none
export const ACCUMULATOR_WHERE = 8; // u32
export const ACCUMULATOR_BOUNDS = 12; // u32 offset of a histogram's bounds: {u32 n, u32 –, f64 …}
export const ACCUMULATOR_BYTES = 16;

export const ACCUMULATE_COUNT = 1; // u64
export const ACCUMULATE_SUM = 2; // decimal.ts
export const ACCUMULATE_MIN = 3; // f64, NaN before the first input
export const ACCUMULATE_MAX = 4;
export const ACCUMULATE_VARIANCE = 5; // variance.ts
export const ACCUMULATE_FIRST = 6; // first-last.ts
export const ACCUMULATE_LAST = 7;
export const ACCUMULATE_QUANTILE = 8; // quantile.ts
export const ACCUMULATE_DISTINCT = 9; // distinct.ts
export const ACCUMULATE_TOP = 10; // top.ts
export const ACCUMULATE_HISTOGRAM = 11; // histogram.ts
export const COUNT_BYTES = 8;
export const SUM_BYTES = 32;
export const EXTREME_BYTES = 8;
export const VARIANCE_BYTES = 64;
export const FIRST_BYTES = 32;
export const QUANTILE_BYTES = 56;
export const DISTINCT_BYTES = 16;
export const TOP_BYTES = 16;
export const HISTOGRAM_BYTES = 8;

/** So many different values are counted exactly; beyond it `distinct` estimates. */
export const DISTINCT_EXACT_MAX = 1000;
/** Entries of a `top`; when it is full, all but the TOP_KEPT most frequent go. */
export const TOP_ENTRIES_MAX = 2000;
export const TOP_KEPT = 1000;
/** The greatest `k`. */
export const TOP_COUNT_MAX = 1000;

export const OUTPUT_FN = 0; // u8
export const OUTPUT_ACCUMULATOR = 2; // u16, index
/** Offset of a derived member's expression, or of a quantile's ranks ({u32 n, –, f64 …}); `k`. */
export const OUTPUT_OPERAND = 4; // u32
export const OUTPUT_BYTES = 8;

export const READ_COUNT = 1;
export const READ_SUM = 2;
export const READ_AVG = 3;
export const READ_MIN = 4;
export const READ_MAX = 5;
export const READ_DERIVED = 6;
export const READ_VARIANCE = 7;
export const READ_DEVIATION = 8;
export const READ_FIRST = 9; // or last
export const READ_QUANTILE = 10; // of one rank
export const READ_QUANTILES = 11;
export const READ_DISTINCT = 12;
export const READ_TOP = 13;
export const READ_HISTOGRAM = 14;

// Opcodes of an expression: a stack machine over values.
export const OP_END = 0;
export const OP_NULL = 1;
export const OP_FALSE = 2;
export const OP_TRUE = 3;
export const OP_NUMBER = 4; // f64
export const OP_STRING = 5; // u32 length, bytes
export const OP_FIELD = 6; // u16
export const OP_HAS = 7; // pops a value, pushes whether it is not null
export const OP_EQ = 8;
export const OP_NE = 9;
export const OP_LT = 10;
export const OP_LE = 11;
export const OP_GT = 12;
export const OP_GE = 13;
export const OP_NOT = 14;
export const OP_ADD = 15;
export const OP_SUBTRACT = 16;
export const OP_MULTIPLY = 17;
export const OP_DIVIDE = 18;
export const OP_REMAINDER = 19;
export const OP_AND = 20; // of two values: both true
export const OP_OR = 21;
export const OP_COALESCE = 22; // the first of two that is not null
export const OP_JUMP = 23; // u32, relative to the operand's end
export const OP_JUMP_UNLESS = 24; // u32; pops, jumps unless true
export const OP_IN = 25; // u32 count, literals; pops a value, pushes whether it is one of them
/** Values on the stack at once: a plan's expressions nest 64 deep (EXPRESSION_DEPTH_MAX). */
export const STACK_VALUES_MAX = 256;

// ── changes and rows, as the core hands them out ───────────────────────────────────────────────

export const CHANGE_BYTES_TOTAL = 0; // u32, a multiple of 8
export const CHANGE_KIND = 4; // u8
export const CHANGE_FINAL = 5; // u8, of a row
export const CHANGE_QUERY = 6; // u16
export const CHANGE_START = 8; // i64
export const CHANGE_END = 16; // i64
export const CHANGE_REVISION = 24; // f64
export const CHANGE_POSITION = 32; // f64
export const CHANGE_KEY_BYTES = 40; // u32
export const CHANGE_VALUE_BYTES = 44; // u32
export const CHANGE_KEY_TAG = 48; // u32, a hash of query and key; of a reprocess the query is 0
export const CHANGE_HEADER_BYTES = 56; // then the key's values, then the value's

export const CHANGE_UPDATE = 0;
export const CHANGE_IS_FINAL = 1;
export const CHANGE_RETRACT = 2;
export const CHANGE_CORRECTION = 3;
export const CHANGE_ROW = 4;
/** Of a trace (trace.ts): the value is two i64, the event's time and the clock. */
export const CHANGE_APPLIED = 5;
export const CHANGE_LATE = 6;
/** Of a watched query (watch.ts): the row of this key and window is in the view no more. */
export const CHANGE_GONE = 7;
export const TRACE_TIME = 0; // i64
export const TRACE_CLOCK = 8; // i64
export const TRACE_BYTES = 16;

/** A late event, as listed. */
export const LATE_POSITION = 0; // f64
export const LATE_START = 8; // i64
export const LATE_END = 16; // i64
export const LATE_MS = 24; // i64
export const LATE_BYTES = 32;
/** The newest that a query lists; older ones are still counted. */
export const LATE_LISTED_MAX = 1000;

/** The numbers of a query, as `queryStats` writes them: f64 each. */
export const STATS_APPLIED = 0;
export const STATS_LATE = 8;
export const STATS_UNKEYED = 16;
export const STATS_OPEN = 24;
export const STATS_ROWS = 32;
export const STATS_LATE_FACTS = 40;
export const STATS_REPEATED = 48;
export const STATS_UNMATCHED = 56;
export const STATS_WAITING = 64;
export const STATS_BYTES = 72;

/** The numbers of the engine, as `stats` writes them: f64 each, NaN where there is none. */
export const ENGINE_CLOCK = 0;
export const ENGINE_POSITION = 8;
export const ENGINE_INEXACT = 16;
export const ENGINE_HORIZON = 24;
export const ENGINE_FORGOTTEN = 32;
export const ENGINE_MOVED_CLOCK = 40; // E: the clock at the last event that moved it
export const ENGINE_MOVED_RECEIVED = 48; // A: its receive time
export const ENGINE_IDENTITIES = 56;
export const ENGINE_BYTES = 64;

/** Bytes of changes handed out at once; one row larger than this gets a buffer of its own size. */
export const OUT_BYTES = 262144;
