// What the scan (assembly/scan.ts) looks for in the bytes of an event: its members that the
// envelope or a path of the plan or of a schema names, as a tree, and the types by which it finds
// the event's route and checks.

import { encoder } from "../event/utf8.ts";
import * as layout from "../../assembly/layout.ts";
import { MEMBERS } from "../event/envelope.ts";
import type { Code } from "./code.ts";
import type { Path } from "./frame.ts";
import type { Router } from "./route.ts";

/** A member of an object of the event. */
interface Member {
  /** The field that it is, plus 1; 0: none. */
  field: number;
  /** Its number in the envelope, or MEMBER_OTHER. */
  readonly number: number;
  readonly members: Map<string, Member>;
}

function memberOf(members: Map<string, Member>, name: string): Member {
  const known = members.get(name);
  if (known !== undefined) return known;
  const member = { field: 0, number: layout.MEMBER_OTHER, members: new Map<string, Member>() };
  members.set(name, member);
  return member;
}

/** Writes the tree of members that the envelope and `paths`, the fields, name. */
export function compileMembers(code: Code, paths: readonly Path[]): void {
  const root = new Map<string, Member>();
  MEMBERS.forEach((name, number) => {
    root.set(name, { field: 0, number, members: new Map() });
  });
  paths.forEach((path, field) => {
    const last = path.at(-1);
    if (last === undefined) return code.u32(layout.PROGRAM_WHOLE, field + 1);
    let members = root;
    for (const name of path.slice(0, -1)) members = memberOf(members, name).members;
    memberOf(members, last).field = field + 1;
  });
  code.u32(layout.PROGRAM_MEMBERS, writeMembers(code, root));
}

function writeMembers(code: Code, members: ReadonlyMap<string, Member>): number {
  return code.counted([...members], 8, layout.MEMBER_BYTES, (at, [name, member]) => {
    const { field, number, members: inner } = member;
    const bytes = encoder.encode(name);
    code.u32(at + layout.MEMBER_NAME, code.text(bytes));
    code.u32(at + layout.MEMBER_NAME_BYTES, bytes.length);
    code.copy(at + layout.MEMBER_FIRST, bytes.subarray(0, 8));
    if (bytes.length > 8) code.copy(at + layout.MEMBER_LAST, bytes.subarray(-8));
    code.u16(at + layout.MEMBER_NUMBER, number);
    code.u16(at + layout.MEMBER_FIELD, field);
    if (inner.size > 0) code.u32(at + layout.MEMBER_MEMBERS, writeMembers(code, inner));
  });
}

/**
 * Writes the types and prefixes that the plan names, and the types that have checks; their offset.
 * `checks` are offsets (schema.ts).
 */
export function compileTypes(
  code: Code,
  router: Router,
  checks: ReadonlyMap<string, number> = new Map(),
): number {
  const longestFirst = router.prefixes.toSorted(([a], [b]) => b.length - a.length);
  const exact = new Set([...router.exact.map(([name]) => name), ...checks.keys()]);
  const named = [
    ...[...exact].map((name) => ({ name, route: router.route(name), isPrefix: 0 })),
    ...longestFirst.map(([name, route]) => ({ name, route, isPrefix: 1 })),
  ];
  const types = code.counted(named, 8, layout.TYPE_BYTES, (at, { name, route, isPrefix }) => {
    const bytes = encoder.encode(name);
    code.u32(at + layout.TYPE_NAME, code.text(bytes));
    code.u32(at + layout.TYPE_NAME_BYTES, bytes.length);
    code.u32(at + layout.TYPE_IS_PREFIX, isPrefix);
    code.u32(at + layout.TYPE_ROUTE, route);
    if (isPrefix === 0) code.u32(at + layout.TYPE_CHECKS, checks.get(name) ?? 0);
  });
  code.u32(types + 4, router.other);
  return types;
}
