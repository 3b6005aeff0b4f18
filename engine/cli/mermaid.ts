// The topology of a plan as Mermaid text.
import type { Plan } from "../query/plan.ts";
export function topology(plan: Plan): string {
  return plan.source;
}
