import type { PlanFault } from "./plan.ts";

/** A wrong plan is refused whole, with every fault listed. */
export class PlanRefused extends Error {
  readonly code = "plan_refused";
  readonly faults: readonly PlanFault[];

  constructor(faults: readonly PlanFault[]) {
    const list = faults.map(({ code, pointer, message }) => `${code} at "${pointer}": ${message}`);
    const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
    super(`The plan has ${count}.\n${list.join("\n")}`);
    this.name = "PlanRefused";
    this.faults = faults;
  }
}
