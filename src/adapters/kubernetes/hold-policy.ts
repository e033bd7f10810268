import type { Resource } from "../../ports/kubernetes-objects.ts";
import { admissionGroup, holdName, holdRule } from "./hold-rule.ts";

export const holdPolicies: Resource = { ...admissionGroup, plural: "mutatingadmissionpolicies" };
export const holdPolicyBindings: Resource = { ...admissionGroup, plural: "mutatingadmissionpolicybindings" };

const mustAct = holdRule.mustAct.map(({ expression }) => `(${expression})`).join(" && ");

const apiVersion = `${admissionGroup.group}/${admissionGroup.version}`;

/**
 * Holds back changes of a released Deployment's pods, in the API server itself and so even while no operator runs: an
 * update that changes the template, or that would unpause without the operator's token, leaves the Deployment paused.
 * Needs Kubernetes 1.36.
 */
export const holdPolicyManifests = [
  {
    apiVersion,
    kind: "MutatingAdmissionPolicy",
    metadata: { name: holdName },
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "IfNeeded",
      matchConstraints: {
        matchPolicy: "Equivalent",
        namespaceSelector: {},
        objectSelector: holdRule.objectSelector,
        resourceRules: holdRule.rules,
      },
      matchConditions: holdRule.mayMatter,
      variables: [{ name: "held", expression: mustAct }],
      mutations: [
        // A JSON patch and not an apply configuration: merging could fail on templates that the API server accepts.
        {
          patchType: "JSONPatch",
          jsonPatch: {
            expression: `variables.held ? [JSONPatch{op: "add", path: "/spec/paused", value: true}] : []`,
          },
        },
      ],
    },
  },
  {
    apiVersion,
    kind: "MutatingAdmissionPolicyBinding",
    metadata: { name: holdName },
    spec: { policyName: holdName },
  },
] as const;
