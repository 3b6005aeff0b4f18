// A contender on the JVM (jvm/): built by Maven once, told by lines on standard input.

import { NotAvailable, type Job, type Runner } from "../runner.ts";

export async function startInJvm(_job: Job): Promise<Runner> {
  throw new NotAvailable("no Java here");
}
