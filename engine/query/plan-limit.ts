/**
 * How large a plan may be. Each limit is checked where its thing is read, gives a fault with a
 * pointer, and has a test at the limit and one beyond it. What stands beyond a limit is not read.
 */
export const QUERIES_MAX = 64;
export const TABLES_MAX = 64;
/** `with`s of one query. */
export const LOOKUPS_MAX = 16;
/** Event types in one `from` or `to`. */
export const TYPES_MAX = 256;
/** Members of one query's key. */
export const KEY_MEMBERS_MAX = 16;
export const AGGREGATES_MAX = 64;
export const DERIVED_MAX = 64;
/** Different paths that the whole plan reads: a field's index is one byte, 255 is none. */
export const FIELDS_MAX = 255;

export const NAME_BYTES_MAX = 128;
export const EVENT_TYPE_LENGTH_MAX = 128;
/** An event has depth 32, so a longer path finds nothing. */
export const PATH_SEGMENTS_MAX = 32;

export const EXPRESSION_DEPTH_MAX = 64;
/** Literals, operators and the values of `in`, of one expression. */
export const EXPRESSION_PARTS_MAX = 4096;

/**
 * Hopping or cumulating windows that hold one event, as many as `every` fits into the size: each is
 * told of it and becomes a final row. A day by the second, and more.
 */
export const EVENT_WINDOWS_MAX = 100_000;

export const QUANTILES_MAX = 64;
/** `top` is exact up to so many different values. */
export const TOP_K_MAX = 1000;
export const HISTOGRAM_BOUNDS_MAX = 1024;

/** About 35,700 years: sums of two durations and a time stay far below 2^53. */
export const DURATION_MS_MAX = 2 ** 50;
export const LIMIT_MAX = 2 ** 31 - 1;
