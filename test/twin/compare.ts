// Engine == model: every answer of a run, and the first difference in words.

import type { Json } from "../model/json.ts";
import type { Disposition, ModelRow } from "../model.ts";
import type { ToldChange } from "../model/query.ts";
import type { ModelRun } from "./case.ts";
import type { EngineRun } from "./engine-run.ts";

type Held = Pick<ModelRun["held"][number], "code" | "receivedAt" | "line">;

/** The first difference, or null. */
export function differenceOf(
  engine: EngineRun,
  model: ModelRun,
  isReopened: boolean,
): string | null {
  for (const [index, pushed] of engine.pushed.entries()) {
    const wanted = model.pushed[index]!;
    const difference =
      differ("position", pushed.position, wanted.position) ??
      (pushed.receipt && differReceipt(pushed.receipt, wanted.dispositions)) ??
      differChanges(pushed.changes, wanted.changes);
    if (difference !== null) return `push ${index}: ${difference}`;
  }
  const listed = (held: readonly Held[]): Held[] =>
    held.map(({ code, receivedAt, line }) => ({ code, receivedAt, line }));
  return (
    differ("quarantine", listed(engine.held), listed(model.held)) ??
    (isReopened ? null : differ("refused", refusedOf(engine), refusalsOf(model))) ??
    differStats(engine, model) ??
    differViews("at the end", engine.before, model.before) ??
    prefixed("flush", differChanges(engine.flushed, model.flushed)) ??
    differViews("after flush", engine.after, model.after)
  );
}

function differ(what: string, got: unknown, wanted: unknown): string | null {
  const [left, right] = [JSON.stringify(got), JSON.stringify(wanted)];
  return left === right ? null : `${what}\n  engine ${left}\n  model  ${right}`;
}

function prefixed(where: string, difference: string | null): string | null {
  return difference === null ? null : `${where}: ${difference}`;
}

function differReceipt(
  receipt: NonNullable<EngineRun["pushed"][number]["receipt"]>,
  dispositions: readonly Disposition[],
): string | null {
  const of = (what: string) => dispositions.filter((each) => each.what === what);
  const listed = (what: string) =>
    dispositions.flatMap((each, index) => (each.what === what ? [{ index, code: each.code }] : []));
  const wanted = {
    received: dispositions.length - of("tick").length,
    accepted: of("accepted").length,
    duplicate: of("duplicate").length,
    invalid: listed("invalid"),
    quarantined: listed("quarantined"),
  };
  const short = ({ index, code }: { index: number; code: string }) => ({ index, code });
  const got = {
    received: receipt.received,
    accepted: receipt.accepted,
    duplicate: receipt.duplicate,
    invalid: receipt.invalid.map(short),
    quarantined: receipt.quarantined.map(short),
  };
  return differ("receipt", got, wanted);
}

interface EngineChange {
  readonly value: { readonly [name: string]: unknown };
}

function differValue(got: EngineChange, wanted: ModelRow | ToldChange): string | null {
  const names = Object.keys(wanted.value);
  const difference = differ("members", Object.keys(got.value), names);
  if (difference !== null) return difference;
  for (const name of names) {
    const accepts = wanted.accepts[name];
    const value = got.value[name] as Json;
    if (accepts?.(value) === true) continue;
    const differs = differ(name, value, wanted.value[name]);
    if (differs !== null) return differs;
  }
  return null;
}

function differChanges(got: EngineRun["flushed"], wanted: readonly ToldChange[]): string | null {
  const shortWanted = wanted.map(({ query, kind, key, start, end, revision, position }) => {
    return { query, kind, key, window: { start, end }, revision, position };
  });
  const shortGot = got.map(({ query, kind, key, window: { start, end }, revision, position }) => {
    return { query, kind, key, window: { start, end }, revision, position };
  });
  const lists = differLists("changes", shortGot, shortWanted);
  if (lists !== null) return lists;
  for (const [index, change] of got.entries()) {
    const difference = differValue(change as EngineChange, wanted[index]!);
    if (difference !== null) return `value of ${JSON.stringify(shortWanted[index])}: ${difference}`;
  }
  return null;
}

function differLists(what: string, got: readonly unknown[], wanted: readonly unknown[]) {
  for (let index = 0; index < Math.max(got.length, wanted.length); index++) {
    const difference = differ(`${what} ${index}`, got[index], wanted[index]);
    if (difference !== null) return difference;
  }
  return null;
}

function differViews(
  when: string,
  got: EngineRun["before"],
  wanted: ModelRun["before"],
): string | null {
  for (const [index, { rows, late }] of got.entries()) {
    const own = wanted[index]!;
    const short = own.rows.map(({ query, key, start, end, final, revision }) => {
      return { query, key, window: { start, end }, final, revision };
    });
    const shortGot = rows.map(({ query, key, window: { start, end }, final, revision }) => {
      return { query, key, window: { start, end }, final, revision };
    });
    const difference =
      differLists(`rows ${when}`, shortGot, short) ?? differLists(`late ${when}`, late, own.late);
    if (difference !== null) return difference;
    for (const [at, row] of rows.entries()) {
      const differs = differValue(row as EngineChange, own.rows[at]!);
      if (differs !== null) return `${when}, ${JSON.stringify(short[at])}: ${differs}`;
    }
  }
  return null;
}

function differStats({ stats }: EngineRun, model: ModelRun): string | null {
  const { clock, position, dedupHorizon } = stats;
  const order = (counts: object) => Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const named = (queries: { readonly [name: string]: object }) =>
    Object.entries(queries).map(([name, counts]) => [name, ...order(counts)]);
  return (
    differ(
      "clock",
      { clock, position, dedupHorizon },
      {
        clock: model.stats.clock,
        position: model.stats.position,
        dedupHorizon: model.stats.dedupHorizon,
      },
    ) ?? differLists("stats", named(stats.queries), named(model.stats.queries))
  );
}

function refusedOf({ refused }: EngineRun) {
  return refused.map(({ code, receivedAt, line, of = null }) => ({ code, receivedAt, line, of }));
}

function refusalsOf(model: ModelRun) {
  return model.pushed.flatMap(({ lines, dispositions }) =>
    dispositions.flatMap(({ what, code, of = null }, index) => {
      if (what !== "duplicate" && what !== "invalid") return [];
      const { receivedAt, text } = lines[index]!;
      return [{ code: code ?? what, receivedAt, line: text, of }];
    }),
  );
}
