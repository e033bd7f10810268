import { stringify } from "yaml";
import { rolloutCrd } from "../../src/api/crd.ts";
import { conditionsReference, eventsReference, rolloutReference } from "./reference.ts";

/** Every file that is made from the source, by its path in the repository. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["crds/rollouts.serin.dev.yaml", crdFile()],
    ["docs/reference/rollout.md", rolloutReference()],
    ["docs/reference/conditions.md", conditionsReference()],
    ["docs/reference/events.md", eventsReference()],
  ]);
}

function crdFile(): string {
  // Aliases would make the file unreadable for tools that take YAML for JSON with less ink.
  const yaml = stringify(rolloutCrd(), { lineWidth: 120, aliasDuplicateObjects: false });
  return `# Made by \`npm run generate\` from src/api. Do not edit.\n${yaml}`;
}
