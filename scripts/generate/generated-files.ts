import { stringify } from "yaml";
import { rolloutCrd } from "../../src/api/crd.ts";
import { chartFiles } from "./chart.ts";
import { argocdFiles } from "./argocd.ts";
import { evidencePlot } from "./evidence-plot.ts";
import { flagsReference } from "./flags-reference.ts";
import { metricsReference } from "./metrics-reference.ts";
import { conditionsReference, eventsReference, rolloutReference } from "./reference.ts";

/** Every file that is made from the source, by its path in the repository. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["crds/rollouts.serin.dev.yaml", crdFile()],
    ["docs/reference/rollout.md", rolloutReference()],
    ["docs/reference/conditions.md", conditionsReference()],
    ["docs/reference/events.md", eventsReference()],
    ["docs/reference/metrics.md", metricsReference()],
    ["docs/reference/flags.md", flagsReference()],
    ["docs/evidence.svg", await evidencePlot()],
    ...chartFiles(),
    ...(await argocdFiles()),
  ]);
}

function crdFile(): string {
  return `# Made by \`npm run generate\` from src/api. Do not edit.\n${yamlOf(rolloutCrd())}`;
}

function yamlOf(object: object): string {
  // Aliases would make the file unreadable for tools that take YAML for JSON with less ink.
  return stringify(object, { lineWidth: 120, aliasDuplicateObjects: false, version: "1.1" });
}
