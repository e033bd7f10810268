// Everything that a change must pass. The last line says how many passed and how many failed.
import { parseArgs } from "node:util";
import { CURRENT_PARTS, OLDER_PARTS, TOOL_PARTS } from "../test/cluster/parts/catalog.ts";
import { progressPrinter } from "../test/cluster/parts/progress.ts";
import { provideParts } from "../test/cluster/parts/provide.ts";
import { staticSteps } from "./run/check-steps.ts";
import { onLeash } from "./run/leash.ts";
import { runSteps } from "./run/steps.ts";
import { projects, runTests } from "./run/vitest.ts";

const help = `npm test                          everything: static checks, then all tests
npm test -- FILTER …              only the tests in files whose path contains FILTER
npm test -- --project NAME        only the tests of a level: ${projects.join(", ")}; may be given more than once

The static checks of npm run check are part of a full run and count one each.
The tests on a cluster provide their own parts; the first time that takes about twenty minutes. Two levels, integration
and workload, need two versions of Kubernetes; releases and traffic need Helm, and integration also promtool and the
libraries of GitOps tools.`;

/** What a level uses beside the cluster. */
const toolsOf: Readonly<Record<string, readonly (typeof TOOL_PARTS)[number][]>> = {
  traffic: ["helm"],
  releases: ["helm"],
  integration: TOOL_PARTS,
};

const { values, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { help: { type: "boolean", short: "h" }, project: { type: "string", multiple: true } },
});

async function test(signal: AbortSignal): Promise<boolean> {
  const names = values.project ?? projects;
  const unknown = names.filter((name) => !projects.some((project) => project === name));
  if (unknown.length > 0) {
    console.error(`there is no project ${unknown.join(", ")}; there are: ${projects.join(", ")}`);
    return false;
  }
  const everything = filters.length === 0 && values.project === undefined;
  const checks = everything ? await runSteps(staticSteps, signal) : [];
  if (names.some((name) => name !== "unit") && !(await provide(names, signal))) return false;
  const tests = await runTests(names, filters, signal);
  const passed = checks.filter((check) => check.passed).length + tests.passed;
  const failed = checks.filter((check) => !check.passed).length + tests.failed;
  if (tests.skipped > 0) console.log(`${tests.skipped} skipped`);
  for (const file of tests.slowest) console.log(`slowest: ${file}`);
  for (const failure of tests.failures) console.log(`failed: ${failure}`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

/** Before the tests begin: no test may take as long as building Kubernetes does. */
async function provide(names: readonly string[], signal: AbortSignal): Promise<boolean> {
  const progress = progressPrinter();
  const needOlder = names.some((name) => name === "integration" || name === "workload");
  const older = needOlder ? OLDER_PARTS : [];
  const tools = names.flatMap((name) => toolsOf[name] ?? []);
  try {
    await provideParts([...CURRENT_PARTS, ...tools, ...older], { onProgress: progress.show, signal });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    console.error(`serin: ${error instanceof Error ? error.message : String(error)}\n0 passed, 1 failed`);
    return false;
  } finally {
    progress.end();
  }
}

if (values.help) console.log(help);
else await onLeash(test);
