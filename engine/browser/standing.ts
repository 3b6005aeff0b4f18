// Standing: who a host is among the hosts of one log, and which of two that differ is the newer.

import { hexOf } from "../event/bytes.ts";
import { encoder } from "../event/utf8.ts";
import { digestOf } from "../store/chain.ts";
import { HostFault } from "../store/host-fault.ts";
import { BUILD, PLANLESS, type Introduction, type Verb } from "./protocol.ts";

const ID_BYTES = 12;

/** A name that no other host has. */
export function newId(): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
}

/** SHA-256 of a plan as given; needs a secure context, as Web Locks do. */
export async function fingerprintOf(source: string): Promise<string> {
  return hexOf(await digestOf(encoder.encode(source)));
}

/**
 * Whether `a` is to have the log in the place of `b`: where plans or builds differ, the newer
 * build, then the page that began later.
 */
export function replaces(a: Introduction, b: Introduction): boolean {
  if (a.build === b.build && a.fingerprint === b.fingerprint) return false;
  const builds = compareBuilds(a.build, b.build);
  if (builds !== 0) return builds > 0;
  return a.since === b.since ? a.host > b.host : a.since > b.since;
}

/** By the numbers of `major.minor.patch`. */
export function compareBuilds(a: string, b: string): number {
  const numbersOf = (build: string): number[] => build.split(".").map((part) => parseInt(part, 10));
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Why a follower of `leader` may not call it; null where it may. Without a verb: subscribe. */
export function replacedFault(
  own: Introduction,
  leader: Introduction,
  verb?: Verb,
): HostFault | null {
  if (leader.build !== BUILD) {
    const which = `A page with another build of millrace (${leader.build}) has this log`;
    return new HostFault("replaced", `${which}: reload this page.`);
  }
  if (leader.fingerprint === own.fingerprint || (verb !== undefined && PLANLESS.has(verb))) {
    return null;
  }
  return new HostFault(
    "replaced",
    "A newer page has this log, with another plan: reload this page.",
  );
}
