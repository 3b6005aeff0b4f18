// Civil dates: days since 1970-01-01 and the proleptic Gregorian calendar, either way. Howard
// Hinnant, "chrono-compatible low-level date algorithms".

export function floorDiv(a: i64, b: i64): i64 {
  const q = a / b;
  return q * b > a ? q - 1 : q;
}

/** The year and month (1–12) of a day: set by `splitDay`. */
export let civilYear: i64 = 0;
export let civilMonth: i64 = 0;

export function splitDay(day: i64): void {
  const z = day + 719468;
  const era = floorDiv(z, 146097);
  const dayOfEra = z - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  // Months counted from March.
  const month = (5 * dayOfYear + 2) / 153;
  civilMonth = month < 10 ? month + 3 : month - 9;
  civilYear = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0);
}

/** The first day of a month (1–12; 13 is January of the next year). */
export function firstDayOf(year: i64, month: i64): i64 {
  const m = month > 12 ? month - 12 : month;
  const y = (month > 12 ? year + 1 : year) - (m <= 2 ? 1 : 0);
  const era = floorDiv(y, 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5;
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
}
