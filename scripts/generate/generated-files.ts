import { stringify } from "yaml";
import { holdPolicyManifests } from "../../src/adapters/kubernetes/hold-policy.ts";
import { rolloutCrd } from "../../src/api/crd.ts";
import { conditionsReference, eventsReference, rolloutReference } from "./reference.ts";

/** Every file that is made from the source, by its path in the repository. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["crds/rollouts.serin.dev.yaml", crdFile()],
    ["deploy/hold-policy.yaml", holdPolicyFile()],
    ["docs/reference/rollout.md", rolloutReference()],
    ["docs/reference/conditions.md", conditionsReference()],
    ["docs/reference/events.md", eventsReference()],
  ]);
}

/** Comments for people who apply the file where the operator may not write policies. */
const holdPolicyHead = `# Made by \`npm run generate\` from src/adapters/kubernetes/hold-policy.ts. Do not edit.
#
# Holds back changes of a released Deployment's pods while no operator runs. Needs Kubernetes 1.36. The operator writes
# the same objects itself; apply them where you take that right from it, or want the hold before its first start.
`;

function holdPolicyFile(): string {
  return `${holdPolicyHead}${holdPolicyManifests.map(yamlOf).join("---\n")}`;
}

function crdFile(): string {
  return `# Made by \`npm run generate\` from src/api. Do not edit.\n${yamlOf(rolloutCrd())}`;
}

function yamlOf(object: object): string {
  // Aliases would make the file unreadable for tools that take YAML for JSON with less ink.
  return stringify(object, { lineWidth: 120, aliasDuplicateObjects: false });
}
