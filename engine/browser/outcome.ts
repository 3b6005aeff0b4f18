// Outcomes: what a call came to, as a value that can be posted. A posted Error keeps its message
// and loses its class and code, so faults cross by name and are made again on the other side.

import type { PlanFault } from "../query/plan-fault.ts";
import { PlanRefused } from "../query/plan-refused.ts";
import { HostFault, type HostFaultCode } from "../store/host-fault.ts";

export type Outcome<T> =
  | { readonly value: T; readonly fault?: undefined }
  | { readonly fault: PostedFault };

export interface PostedFault {
  readonly name: string;
  readonly message: string;
  readonly code?: HostFaultCode;
  /** Of a plan that was refused. */
  readonly faults?: readonly PlanFault[];
}

export async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return failed(error);
  }
}

export function closed(): HostFault {
  return new HostFault("engine_closed", "This connection is closed: connect again.");
}

export function failed(error: unknown): Outcome<never> {
  if (!(error instanceof Error)) return { fault: { name: "Error", message: String(error) } };
  const { name, message } = error;
  if (error instanceof HostFault) return { fault: { name, message, code: error.code } };
  if (error instanceof PlanRefused) return { fault: { name, message, faults: error.faults } };
  return { fault: { name, message } };
}

/** This is the inverse of `outcomeOf`: gives the value, or throws what was thrown. */
export function settle<T>(outcome: Outcome<T>): T {
  if (outcome.fault === undefined) return outcome.value;
  throw errorOf(outcome.fault);
}

export function errorOf({ name, message, code, faults }: PostedFault): Error {
  if (faults !== undefined) return new PlanRefused(faults);
  if (code !== undefined) return new HostFault(code, message);
  if (name === "RangeError") return new RangeError(message);
  return new Error(message);
}
