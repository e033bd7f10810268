// What can be said about a change without a cluster.
import { parseArgs } from "node:util";
import { staticSteps } from "./run/check-steps.ts";
import { onLeash } from "./run/leash.ts";
import { runSteps } from "./run/steps.ts";
import { vitestStep } from "./run/vitest.ts";

const help = `npm run check

Format, lint, types, layers, generated files and unit tests, two at a time; prints the output of those that fail.
npm run format and npm run generate mend what they can.`;

const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });

async function check(signal: AbortSignal): Promise<boolean> {
  const [lint, ...others] = staticSteps;
  if (lint === undefined) throw new Error("there are no steps");
  const results = await runSteps([lint, vitestStep(["unit"], []), ...others], signal);
  const failed = results.filter(({ passed }) => !passed).map(({ name }) => name);
  if (failed.length > 0) console.log(`failed: ${failed.join(", ")}`);
  return failed.length === 0;
}

if (values.help) console.log(help);
else await onLeash(check);
