// The years of time zones that a batch needs: asked of the core, found in the log's own records or
// else read from the platform, and written into the batch in the core's layout.

import * as layout from "../../assembly/layout.ts";
import type { Core } from "../core/core.ts";
import { readZoneYear, type ZoneYear } from "../event/zone.ts";
import { HostFault } from "../store/host-fault.ts";

/** Of a push: to find so many in the platform takes it a quarter of a minute. */
const YEARS_MAX = 4096;
/** An entry of the log needs what it needs. */
const ANY_YEARS = 2 ** 31 - 2;

/** `bringYears` for a push. HostFault `too_many_years`. */
export function bringPushed(
  core: Core,
  zones: readonly string[],
  given: readonly ZoneYear[],
): readonly ZoneYear[] {
  return bringYears(core, zones, given, YEARS_MAX);
}

/**
 * Brings the years that the accepted lines are the first to need; those are the answer, to be
 * written into the chunk. `given` are the records that came with the entries.
 */
export function bringYears(
  core: Core,
  zones: readonly string[],
  given: readonly ZoneYear[],
  most = ANY_YEARS,
): readonly ZoneYear[] {
  if (zones.length === 0) return [];
  const missing = core.missingYears(most);
  if (missing === null) {
    const message = `A push can need ${YEARS_MAX} new years of time zones`;
    throw new HostFault("too_many_years", `${message}: push fewer events at once.`);
  }
  const years = missing.map(({ zone, year }) => {
    const name = zones[zone]!;
    return (
      given.find((each) => each.zone === name && each.year === year) ?? readZoneYear(name, year)
    );
  });
  if (years.length > 0) core.bringYears(encode(zones, years));
  return years;
}

/** The layout of assembly/zone.ts. */
function encode(zones: readonly string[], years: readonly ZoneYear[]): Uint8Array {
  const bytesOf = ({ starts }: ZoneYear): number =>
    layout.YEAR_SPANS + starts.length * layout.SPAN_BYTES;
  const bytes = new Uint8Array(years.reduce((sum, year) => sum + bytesOf(year), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { zone, year, starts } of years) {
    view.setUint32(at + layout.YEAR_ZONE, zones.indexOf(zone), true);
    view.setInt32(at + layout.YEAR_YEAR, year, true);
    view.setUint32(at + layout.YEAR_COUNT, starts.length, true);
    at += layout.YEAR_SPANS;
    for (const [startMs, offsetMs] of starts) {
      view.setBigInt64(at, BigInt(startMs), true);
      view.setBigInt64(at + 8, BigInt(offsetMs), true);
      at += layout.SPAN_BYTES;
    }
  }
  return bytes;
}
