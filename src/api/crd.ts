import { group, kind, plural, version } from "./names.ts";
import { rolloutSpecSchema } from "./rollout-spec.ts";
import { rolloutStatusSchema } from "./rollout-status.ts";
import { lenient, structuralSchema, type StructuralSchema } from "./structural-schema.ts";

/** A column of `kubectl get`; priority 1 shows with `-o wide` only. */
interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: 1;
}

/** What `kubectl get srn` tells at a glance. */
const printerColumns: readonly PrinterColumn[] = [
  {
    name: "Ready",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
    description: "Whether the revision in git is proven and serves all traffic.",
  },
  { name: "Phase", type: "string", jsonPath: ".status.phase", description: "What is going on, in one word." },
  { name: "Step", type: "string", jsonPath: ".status.step", description: "Step of the release that is under way." },
  {
    name: "Weight",
    type: "integer",
    jsonPath: ".status.weight",
    description: "Share of the traffic for the canary, in percent.",
  },
  {
    name: "Reason",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
    description: "Why it is ready or not.",
  },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Age of the Rollout." },
  {
    name: "Stable",
    type: "string",
    jsonPath: ".status.stable.image",
    description: "Images of the proven revision.",
    priority: 1,
  },
  {
    name: "Canary",
    type: "string",
    jsonPath: ".status.canary.image",
    description: "Images of the revision that is being released.",
    priority: 1,
  },
  {
    name: "Message",
    type: "string",
    jsonPath: ".status.message",
    description: "What is going on, in one sentence.",
    priority: 1,
  },
];

/** The schema of a whole Rollout: a strict spec, and a status that an operator of another version can live with. */
export function rolloutSchema(): StructuralSchema {
  return {
    type: "object",
    description:
      "A Rollout releases every change of a Deployment's pods as a canary: step by step, judged by its requests, and taken back when they fail.",
    required: ["spec"],
    properties: {
      apiVersion: { type: "string", description: `API version of the object: ${group}/${version}.` },
      kind: { type: "string", description: `Kind of the object: ${kind}.` },
      metadata: { type: "object" },
      spec: structuralSchema(rolloutSpecSchema),
      status: {
        ...lenient(structuralSchema(rolloutStatusSchema)),
        description: "What the operator has seen and done. It alone writes here.",
        // Without it a Rollout that no operator has looked at yet would count as ready.
        default: { observedGeneration: -1 },
      },
    },
    "x-kubernetes-validations": [
      {
        rule: "self.metadata.name.size() <= 63",
        message: "the name of a Rollout is the value of a label too: write at most 63 characters",
      },
    ],
  };
}

/** The CustomResourceDefinition of the Rollout, as it is applied to a cluster. */
export function rolloutCrd() {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: ["srn"],
        categories: ["serin"],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: printerColumns,
          schema: { openAPIV3Schema: rolloutSchema() },
        },
      ],
    },
  } as const;
}
