// What was told against what is true. A window that is closed is corrected where the bytes of its
// value differ; one that is told and not true is retracted.
//
// Sessions are compared by what hangs together: of one key, what was told, what is true and what is
// open, joined where they overlap or touch. All of one such group is replaced, or nothing: so the
// finals of a key never overlap and no event is counted twice, even where the group reaches beyond
// the range. A group with a session that is open, or would be, waits: its old finals stay until a
// later reprocess.

import { sorted, type Steps } from "../store/steps.ts";
import { nameOf, STEP_WINDOWS, type Correction, type FinalWindow } from "./record.ts";
import { isClosed, isSession, touches, type Scope } from "./scope.ts";
import type { Told, ToldWindow } from "./told.ts";

/** In the order in which they are applied and told; the clock of `told` stands somewhere. */
export function* correctionsOf(
  scope: Scope,
  told: Told,
  truth: readonly FinalWindow[],
): Steps<readonly Correction[]> {
  const clock = told.clock ?? -Infinity;
  const closed = truth.filter(({ end }) => isClosed(scope, end, clock));
  const there = [...told.windows.values()].filter(({ isThere }) => isThere);
  const corrections: Correction[] = [];
  if (isSession(scope.query)) {
    const open = [...told.open, ...truth.filter(({ end }) => !isClosed(scope, end, clock))];
    for (const group of yield* groupsOf(there, closed, open)) {
      const isAsked = [...group.told, ...group.truth].some((each) => touches(scope, each));
      if (isAsked && !group.isOpen) {
        yield* compare(told, group.told, group.truth, corrections);
      }
    }
  } else yield* compare(told, there, closed, corrections);
  return yield* sorted(corrections, inOrder);
}

function* compare(
  { windows }: Told,
  told: readonly ToldWindow[],
  truth: readonly FinalWindow[],
  corrections: Correction[],
): Steps<void> {
  let count = 0;
  const names = new Set<string>();
  for (const window of truth) {
    names.add(nameOf(window));
    if (++count % STEP_WINDOWS === 0) yield STEP_WINDOWS;
  }
  for (const { corrections: _, isThere: __, ...window } of told) {
    if (!names.has(nameOf(window))) corrections.push({ ...window, kind: "retract" });
    if (++count % STEP_WINDOWS === 0) yield STEP_WINDOWS;
  }
  for (const window of truth) {
    if (++count % STEP_WINDOWS === 0) yield STEP_WINDOWS;
    const before = windows.get(nameOf(window));
    if (before?.isThere === true && before.value === window.value) continue;
    const revision = nextRevision(window, before);
    corrections.push({ ...window, revision, kind: "correction" });
  }
}

/**
 * The events, one for being final, one for each correction. Where lookups or spans leave a window
 * fewer events than it had, still one more than was told: a revision grows.
 */
function nextRevision({ revision }: FinalWindow, before: ToldWindow | undefined): number {
  if (before === undefined) return revision + 1;
  return Math.max(revision + before.corrections, before.revision) + 1;
}

// ── sessions ───────────────────────────────────────────────────────────────────────────────────

interface Group {
  readonly told: ToldWindow[];
  readonly truth: FinalWindow[];
  isOpen: boolean;
}

type Member = readonly [window: FinalWindow, enter: (group: Group) => void];

/** What overlaps or touches, of one key; sessions lie on a line, so one sweep finds it. */
function* groupsOf(
  told: readonly ToldWindow[],
  truth: readonly FinalWindow[],
  open: readonly FinalWindow[],
): Steps<Group[]> {
  const members: Member[] = [
    ...told.map((window): Member => [window, (group) => group.told.push(window)]),
    ...truth.map((window): Member => [window, (group) => group.truth.push(window)]),
    ...open.map((window): Member => [window, (group) => (group.isOpen = true)]),
  ];
  const byStart = ([a]: Member, [b]: Member): number =>
    compareText(a.key, b.key) || a.start - b.start;
  const groups: Group[] = [];
  let key: string | null = null;
  let end = -Infinity;
  for (const [window, enter] of yield* sorted(members, byStart)) {
    if (window.key !== key || window.start > end) {
      groups.push({ told: [], truth: [], isOpen: false });
      end = -Infinity;
    }
    key = window.key;
    end = Math.max(end, window.end);
    enter(groups.at(-1)!);
  }
  return groups;
}

// ── order ──────────────────────────────────────────────────────────────────────────────────────

function inOrder(a: Correction, b: Correction): number {
  const byTime = a.end - b.end || a.start - b.start;
  // What goes makes room for what comes.
  return byTime || compareText(a.key, b.key) || compareText(b.kind, a.kind);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
