import { z } from "zod";
import { analysisSchema } from "./analysis-spec.ts";
import { outlierDetectionSchema } from "./outlier-spec.ts";
import { duration, rules } from "./spec-fields.ts";

/** A DNS label: what a Service may be called. */
const dnsLabel = (description: string) =>
  z
    .string()
    .min(1)
    .max(63)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "write a DNS label: lower-case letters, digits and dashes")
    .meta({ description, "x-serin-format": "dns-label" });

/** A DNS subdomain: what any object may be called. */
const objectName = (description: string) =>
  z
    .string()
    .min(1)
    .max(253)
    .regex(/^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/, "write an object's name: lower-case letters, digits, dots and dashes")
    .meta({ description, "x-serin-format": "object-name" });

const targetRef = z
  .object({
    apiVersion: z.literal("apps/v1").default("apps/v1").meta({ description: "API version of the workload." }),
    kind: z.literal("Deployment").default("Deployment").meta({ description: "Kind of the workload: a Deployment." }),
    name: objectName("Name of the Deployment, in the Rollout's namespace."),
  })
  .meta({
    description: "The Deployment whose changes are released.",
    ...rules({
      rule: "self == oldSelf",
      message: "a Rollout keeps its Deployment: delete this Rollout and create one for the other Deployment",
    }),
  });

const service = z
  .object({
    name: dnsLabel("Name of the Service that callers use. Default: the name of the Deployment.").optional(),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .meta({ description: "Port of the Service. May be left out when the Service has one port." }),
  })
  .meta({ description: "The Service by which callers reach the workload." });

const istio = z
  .object({
    virtualService: z
      .object({
        name: objectName("Name of the VirtualService, in the Rollout's namespace."),
        routes: z.array(z.string().min(1).max(253)).min(1).max(64).optional().meta({
          description:
            "Names of the http routes to split. Default: every route that goes to the host without a pinned subset.",
          "x-kubernetes-list-type": "set",
        }),
      })
      .optional()
      .meta({
        description:
          "A VirtualService of yours to put the weights in. Default: one is generated and owned by the Rollout.",
      }),
    destinationRule: z
      .object({ name: objectName("Name of the DestinationRule, in the Rollout's namespace.") })
      .optional()
      .meta({
        description:
          "A DestinationRule of yours to put the subsets in. Default: one is generated and owned by the Rollout.",
      }),
    gateways: z
      .array(z.string().min(1).max(317))
      .min(1)
      .max(16)
      .optional()
      .meta({ description: "Gateways of a generated VirtualService. Default: [mesh]." }),
    hosts: z
      .array(z.string().min(1).max(253))
      .min(1)
      .max(32)
      .optional()
      .meta({ description: "Hosts of a generated VirtualService. Default: the Service's name." }),
  })
  .meta({
    description: "Traffic is split by the weights of an Istio VirtualService.",
    ...rules({
      rule: "!has(self.virtualService) || (!has(self.gateways) && !has(self.hosts))",
      message: "gateways and hosts belong to a generated VirtualService: leave them out, or leave virtualService out",
    }),
  });

const traffic = z
  .object({
    istio: istio.optional(),
    unsplit: z.enum(["refuse", "accept"]).default("refuse").meta({
      description:
        "What to do about callers that reach the Service by a route that is not split, so that they meet canary pods by pod share: refuse the release, or accept it.",
    }),
  })
  .meta({
    description: "How traffic is split between the versions.",
    ...rules({
      rule: "has(self.istio)",
      message: "name a router: traffic.istio is the one there is, and {} is enough",
    }),
  });

const pause = z
  .object({ duration: duration("How long to wait. Default: until somebody promotes the release.").optional() })
  .meta({ description: "Waits at the weight of the step before." });

const step = z
  .object({
    weight: z
      .int()
      .min(0)
      .max(100)
      .optional()
      .meta({ description: "Share of the traffic for the canary, in percent." }),
    pause: pause.optional(),
  })
  .meta({
    description: "Either a weight or a pause.",
    ...rules({
      rule: "has(self.weight) != has(self.pause)",
      message: "a step is either a weight or a pause: write {weight: 10} or {pause: {}}",
    }),
  });

const steps = z
  .array(step)
  .min(1)
  .max(50)
  .default([{ weight: 10 }, { weight: 50 }, { weight: 100 }])
  .meta({
    description: "What the canary gets, one step after the other. Weights rise.",
    "x-kubernetes-list-type": "atomic",
    ...rules(
      {
        rule: "self.exists(s, has(s.weight))",
        message: "steps need a weight: write for example [{weight: 10}, {weight: 50}, {weight: 100}]",
      },
      {
        // Sorted and without equals: CEL has no index to compare neighbours by.
        rule: "self.filter(s, has(s.weight)).map(s, s.weight).isSorted() && self.all(s, !has(s.weight) || self.exists_one(t, has(t.weight) && t.weight == s.weight))",
        message: "weights must rise from step to step: write for example [{weight: 10}, {weight: 50}, {weight: 100}]",
      },
    ),
  });

/** What a user writes. Defaults are in the schema, so that they show in `kubectl get -o yaml`. */
export const rolloutSpecSchema = z
  .object({
    targetRef: targetRef.optional(),
    subset: z.string().min(1).max(63).optional().meta({
      description:
        "Instead of targetRef, where you run all versions yourself: the subset of the DestinationRule that should serve. Another name is a release.",
    }),
    service: service.optional(),
    traffic: traffic.default({ istio: {}, unsplit: "refuse" }),
    steps,
    bake: duration(
      "How long the old pods stay after the last step has passed, so that going back is one write.",
    ).default("2m"),
    analysis: analysisSchema.default({
      errorRate: { max: "1%" },
      metrics: [],
      compareWith: "limit-and-stable",
      sensitivity: "robust",
      reporter: "source",
      minStepDuration: "30s",
      maxStepDuration: "30m",
      onInsufficientTraffic: "widen",
      onInconclusive: "hold",
    }),
    outlierDetection: outlierDetectionSchema.default({
      tuning: "Auto",
      bounds: { consecutive5xxErrors: { min: 2, max: 10 }, maxEjectionPercent: { max: 50 } },
    }),
    progressDeadline: duration("How long canary pods may take to become ready.").default("10m"),
    onNewRevision: z.enum(["restart", "finish"]).default("restart").meta({
      description:
        "What to do when the pod template changes in mid-release: restart gives the release up and begins with the newer template; finish ends the release first, the newer template stays held until then.",
    }),
    suspend: z.boolean().default(false).meta({
      description:
        "Freezes a release where it is; rollbacks still happen. At rest it lets changes roll out without a release.",
    }),
  })
  .meta({
    description: "Which Deployment is released, and how.",
    ...rules(
      {
        rule: "has(self.service) == has(oldSelf.service) && (!has(self.service) || self.service == oldSelf.service)",
        message: "a Rollout keeps its Service: delete this Rollout and create one for the other Service",
        fieldPath: ".service",
      },
      {
        rule: "has(self.targetRef) != has(self.subset)",
        message: "write targetRef to release a Deployment, or subset where you run all versions yourself; exactly one",
      },
      {
        rule: "has(self.targetRef) == has(oldSelf.targetRef)",
        message: "a Rollout keeps its kind of workload: delete this Rollout and create one for the other",
      },
      {
        rule: "!has(self.subset) || (has(self.service) && has(self.service.name))",
        message: "with subset, the Service has to be named: write service.name",
        fieldPath: ".service",
      },
      {
        rule: "!has(self.subset) || (has(self.traffic.istio) && has(self.traffic.istio.virtualService) && has(self.traffic.istio.destinationRule))",
        message:
          "with subset, nothing is generated: write traffic.istio.virtualService.name and traffic.istio.destinationRule.name",
        fieldPath: ".traffic",
      },
      {
        rule: "!has(self.targetRef) || (has(self.service) && has(self.service.name)) || self.targetRef.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
        message: "no Service can have the name of this Deployment: write service.name",
        fieldPath: ".targetRef.name",
      },
    ),
  });

export type RolloutSpec = z.infer<typeof rolloutSpecSchema>;
export type Step = RolloutSpec["steps"][number];
