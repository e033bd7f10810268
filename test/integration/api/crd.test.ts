import { beforeAll, describe, expect, test } from "vitest";
import { rolloutCrd } from "../../../src/api/crd.ts";
import { kubectl, kubectlOutput, serveRollouts } from "../kubectl.ts";

const namespace = "crd-test";

/** A Rollout with what a case is about; `undefined` leaves a default out. */
function rollout(spec: object = {}, name = "product") {
  return {
    apiVersion: "serin.dev/v1alpha1",
    kind: "Rollout",
    metadata: { name, namespace },
    spec: { targetRef: { name: "product" }, ...spec },
  };
}

const dryRun = (object: object) => kubectl(["create", "--dry-run=server", "-o", "json", "-f", "-"], object);

const metrics = (...all: object[]) => ({ analysis: { metrics: all } });
const latency = (max: string, more: object = {}) => ({ analysis: { latency: { max, ...more } } });
const errorRate = (max: string) => ({ analysis: { errorRate: { max } } });
const virtualService = { name: "product", routes: ["primary"] };
const ownSubset = {
  targetRef: undefined,
  subset: "v1",
  service: { name: "product" },
  traffic: { istio: { virtualService: { name: "product" }, destinationRule: { name: "product" } } },
};
const oneWorkload =
  "write targetRef to release a Deployment, or subset where you run all versions yourself; exactly one";
const writeDuration = "write a duration such as 30s, 2m or 1m30s";
const writePercentage = "write a percentage above 0% and up to 100%, such as 1% or 0.5%";
const writeLabel = "write a DNS label: lower-case letters, digits and dashes, such as product-api";
const writeName = "write the name of an object: lower-case letters, digits, dots and dashes, such as product-api";

/** Every rule: what it lets through, what it refuses, and what it says then. */
const rules: readonly { rule: string; accepted: object[]; refused: [spec: object, says: string][] }[] = [
  {
    rule: "targetRef names a Deployment",
    accepted: [{ targetRef: { kind: "Deployment", apiVersion: "apps/v1", name: "product" } }],
    refused: [
      [{ targetRef: { name: "product", kind: "StatefulSet" } }, 'supported values: "Deployment"'],
      [{ targetRef: { name: "product", apiVersion: "v1" } }, 'supported values: "apps/v1"'],
      [{ targetRef: { name: "Product" } }, writeName],
      [{ targetRef: {} }, "spec.targetRef.name: Required value"],
    ],
  },
  {
    rule: "targetRef or subset",
    accepted: [{ ...ownSubset }, { ...ownSubset, subset: "v2" }],
    refused: [
      [{ targetRef: undefined }, oneWorkload],
      [{ ...ownSubset, targetRef: { name: "product" } }, oneWorkload],
      [{ ...ownSubset, service: { port: 8080 } }, "with subset, the Service has to be named: write service.name"],
      [{ ...ownSubset, traffic: { istio: {} } }, "with subset, nothing is generated"],
      [{ ...ownSubset, traffic: { istio: { virtualService } } }, "with subset, nothing is generated"],
    ],
  },
  {
    rule: "onNewRevision",
    accepted: [{ onNewRevision: "restart" }, { onNewRevision: "finish" }],
    refused: [[{ onNewRevision: "wait" }, 'supported values: "restart", "finish"']],
  },
  {
    rule: "a Deployment without a possible Service name needs service.name",
    accepted: [{ targetRef: { name: "product.v2" }, service: { name: "product" } }],
    refused: [
      [{ targetRef: { name: "product.v2" } }, "no Service can have the name of this Deployment: write service.name"],
      [{ targetRef: { name: "p".repeat(64) } }, "no Service can have the name of this Deployment: write service.name"],
    ],
  },
  {
    rule: "service",
    accepted: [{ service: { name: "product-api", port: 8080 } }, { service: { port: 65_535 } }],
    refused: [
      [{ service: { name: "product.shop" } }, writeLabel],
      [{ service: { name: "-product" } }, writeLabel],
      [{ service: { port: 0 } }, "spec.service.port in body should be greater than or equal to 1"],
      [{ service: { port: "http" } }, 'must be of type integer: "string"'],
    ],
  },
  {
    rule: "traffic has a router",
    accepted: [{ traffic: { istio: {} } }, { traffic: { istio: { virtualService }, unsplit: "accept" } }],
    refused: [
      [{ traffic: {} }, "name a router: traffic.istio is the one there is, and {} is enough"],
      [{ traffic: { istio: {}, unsplit: "ignore" } }, 'supported values: "refuse", "accept"'],
    ],
  },
  {
    rule: "gateways and hosts go with a generated VirtualService",
    accepted: [{ traffic: { istio: { gateways: ["mesh"], hosts: ["product.example.org"] } } }],
    refused: [
      [{ traffic: { istio: { virtualService, gateways: ["mesh"] } } }, "or leave virtualService out"],
      [{ traffic: { istio: { virtualService, hosts: ["product"] } } }, "gateways and hosts belong to a generated"],
      [{ traffic: { istio: { gateways: [] } } }, "should have at least 1 items"],
    ],
  },
  {
    rule: "names of Istio objects and routes",
    accepted: [{ traffic: { istio: { virtualService, destinationRule: { name: "product.v1" } } } }],
    refused: [
      [{ traffic: { istio: { virtualService: { name: "Product" } } } }, writeName],
      [{ traffic: { istio: { destinationRule: { name: "product_1" } } } }, writeName],
      [{ traffic: { istio: { virtualService: { name: "product", routes: ["a", "a"] } } } }, "Duplicate value"],
    ],
  },
  {
    rule: "a step is a weight or a pause",
    accepted: [
      { steps: [{ weight: 5 }, { pause: {} }, { weight: 50 }, { pause: { duration: "10m" } }, { weight: 100 }] },
    ],
    refused: [
      [
        { steps: [{ weight: 5, pause: {} }] },
        "a step is either a weight or a pause: write {weight: 10} or {pause: {}}",
      ],
      [{ steps: [{}, { weight: 5 }] }, "a step is either a weight or a pause: write {weight: 10} or {pause: {}}"],
      [{ steps: [{ weight: 101 }] }, "should be less than or equal to 100"],
      [{ steps: [{ weight: -1 }] }, "should be greater than or equal to 0"],
      [{ steps: [{ weight: 10 }, { pause: { duration: "soon" } }] }, writeDuration],
      [{ steps: [] }, "should have at least 1 items"],
    ],
  },
  {
    rule: "steps have a weight",
    accepted: [{ steps: [{ weight: 100 }] }],
    refused: [[{ steps: [{ pause: {} }] }, "steps need a weight: write for example"]],
  },
  {
    rule: "weights rise",
    accepted: [{ steps: [{ weight: 1 }, { pause: {} }, { weight: 2 }, { weight: 100 }] }],
    refused: [
      [{ steps: [{ weight: 50 }, { weight: 10 }] }, "weights must rise from step to step: write for example"],
      [{ steps: [{ weight: 50 }, { pause: {} }, { weight: 50 }] }, "weights must rise from step to step"],
    ],
  },
  {
    rule: "durations",
    accepted: [{ bake: "0s" }, { bake: "1m30s" }, { bake: "500ms" }, { progressDeadline: "1.5h" }, latency("250ms")],
    refused: [
      [{ bake: "2 minutes" }, writeDuration],
      [{ bake: "120" }, writeDuration],
      [{ bake: "" }, writeDuration],
      [{ bake: "-5m" }, writeDuration],
      [{ progressDeadline: "10min" }, writeDuration],
      [latency("0.5"), writeDuration],
      [{ analysis: { minStepDuration: "1d" } }, writeDuration],
      [{ analysis: { maxStepDuration: "1d" } }, writeDuration],
      [{ bake: 120 }, 'must be of type string: "integer"'],
    ],
  },
  {
    rule: "the latency's limit is above 0",
    accepted: [latency("1ms"), latency("0.5ms"), latency("0m1s")],
    refused: [
      [latency("0s"), "every request takes longer than 0s: write a time above it, such as 500ms"],
      [latency("0h0.0ms"), "every request takes longer than 0s"],
    ],
  },
  {
    rule: "percentages",
    accepted: [errorRate("0.05%"), errorRate("100%"), errorRate("5%")],
    refused: [
      [errorRate("1"), writePercentage],
      [errorRate("0%"), writePercentage],
      [errorRate("0.00%"), writePercentage],
      [errorRate("100.1%"), writePercentage],
      [errorRate("-1%"), writePercentage],
      [errorRate("1 %"), writePercentage],
    ],
  },
  {
    rule: "a step's shortest time is not above its longest",
    accepted: [{ analysis: { minStepDuration: "90s", maxStepDuration: "1m30s" } }],
    refused: [
      [{ analysis: { minStepDuration: "1h" } }, "minStepDuration is longer than maxStepDuration: write a shorter"],
    ],
  },
  {
    rule: "the quantile",
    accepted: [latency("1s", { quantile: 0.5 }), latency("1s", { quantile: 0.999 })],
    refused: [
      [latency("1s", { quantile: 99 }), "write a number from 0.5 to 0.999"],
      [latency("1s", { quantile: 0.4 }), "write a number from 0.5 to 0.999"],
      [{ analysis: { latency: { quantile: 0.99 } } }, "spec.analysis.latency.max: Required value"],
    ],
  },
  {
    rule: "metrics of the team's own",
    accepted: [
      metrics({ name: "failed", ratio: { bad: "a", total: "b", max: "1%" } }),
      metrics({ name: "p50", value: { query: "c", max: 1 } }, { name: "stock", value: { query: "d", min: 1.5 } }),
    ],
    refused: [
      [
        metrics({ name: "both", ratio: { bad: "a", total: "b", max: "1%" }, value: { query: "c", max: 1 } }),
        "write either ratio or value",
      ],
      [metrics({ name: "neither" }), "write either ratio or value"],
      [metrics({ name: "loose", value: { query: "c" } }), "nothing is checked: write max, min or both"],
      [metrics({ name: "hasty", value: { query: "c", max: 1, interval: "10ms" } }), "write an interval of 1s or more"],
      [
        metrics({ name: "a", value: { query: "c", max: 1 } }, { name: "a", value: { query: "d", max: 1 } }),
        "two metrics have the same name",
      ],
      [metrics({ name: "No Name", value: { query: "c", max: 1 } }), "spec.analysis.metrics[0].name"],
      [
        metrics({ name: "half", ratio: { bad: "a", max: "1%" } }),
        "spec.analysis.metrics[0].ratio.total: Required value",
      ],
    ],
  },
  {
    rule: "choices",
    accepted: [
      { analysis: { compareWith: "limit", reporter: "destination", onInsufficientTraffic: "hold" } },
      { analysis: { compareWith: "stable", burstTolerance: "0s", onInconclusive: "rollback" } },
    ],
    refused: [
      [{ analysis: { compareWith: "both" } }, 'supported values: "limit", "limit-and-stable", "stable"'],
      [{ analysis: { burstTolerance: "10" } }, "spec.analysis.burstTolerance"],
      [{ analysis: { onInconclusive: "wait" } }, 'supported values: "hold", "rollback", "promote"'],
      [{ analysis: { reporter: "both" } }, 'supported values: "source", "destination"'],
      [{ analysis: { onInsufficientTraffic: "wait" } }, 'supported values: "widen", "hold", "promote"'],
      [{ suspend: "yes" }, 'must be of type boolean: "string"'],
    ],
  },
  {
    rule: "outlier detection",
    accepted: [
      { outlierDetection: { tuning: "Off" } },
      { outlierDetection: { bounds: { consecutive5xxErrors: { min: 3, max: 3 } } } },
      { outlierDetection: { bounds: { maxEjectionPercent: { max: 100 } } } },
    ],
    refused: [
      [{ outlierDetection: { tuning: "Sometimes" } }, 'supported values: "Auto", "Off"'],
      [
        { outlierDetection: { bounds: { consecutive5xxErrors: { min: 4, max: 3 } } } },
        "min is larger than max: write for example {min: 2, max: 10}",
      ],
      [{ outlierDetection: { bounds: { maxEjectionPercent: { max: 101 } } } }, "maxEjectionPercent.max"],
    ],
  },
];

beforeAll(async () => {
  await serveRollouts();
  await kubectlOutput(["apply", "-f", "-"], { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

describe("the CRD on a real API server", () => {
  test("is stored without a structural fault, every rule and column included", async () => {
    const stored = JSON.parse(await kubectlOutput(["get", "crd", "rollouts.serin.dev", "-o", "json"])) as {
      spec: object;
      status: { conditions: { type: string; status: string }[] };
    };
    expect(stored.status.conditions.filter(({ type }) => type === "NonStructuralSchema")).toEqual([]);
    expect(stored.spec).toMatchObject(JSON.parse(JSON.stringify(rolloutCrd().spec)) as object);
  });

  test("is served once it can be created", async () => {
    // Discovery lags the condition Established; kubectl looks again by itself within a request.
    await expect.poll(async () => (await dryRun(rollout())).stderr, { timeout: 20_000 }).toBe("");
  });

  describe.each(rules)("$rule", ({ accepted, refused }) => {
    test.each(accepted.map((spec) => [JSON.stringify(spec), spec]))("takes %s", async (_, spec) => {
      expect(await dryRun(rollout(spec))).toMatchObject({ stderr: "", code: 0 });
    });

    test.each(refused.map(([spec, says]) => [JSON.stringify(spec), says, spec] as const))(
      "refuses %s: %s",
      async (_, says, spec) => {
        const { code, stderr } = await dryRun(rollout(spec));
        expect(stderr).toContain(says);
        expect(stderr).not.toContain("rule evaluation error");
        expect(code).toBe(1);
      },
    );
  });

  test("refuses a name that cannot be a label's value", async () => {
    expect(await dryRun(rollout({}, "p".repeat(63)))).toMatchObject({ code: 0 });
    const { stderr } = await dryRun(rollout({}, "p".repeat(64)));
    expect(stderr).toContain("write at most 63 characters");
  });

  test("refuses a field that it does not know, by name", async () => {
    const { code, stderr } = await dryRun(rollout({ stepz: [{ weight: 10 }], analysis: { errorrate: { max: "1%" } } }));
    expect(stderr).toContain('unknown field "spec.analysis.errorrate"');
    expect(stderr).toContain('unknown field "spec.stepz"');
    expect(code).toBe(1);
  });

  test("refuses a Rollout without a spec", async () => {
    const { stderr } = await dryRun({ ...rollout(), spec: undefined });
    expect(stderr).toContain("spec: Required value");
  });
});

describe("a Rollout on a real API server", () => {
  const get = async (name: string) =>
    JSON.parse(await kubectlOutput(["get", "srn", name, "-n", namespace, "-o", "json"])) as {
      spec: object;
      status: Record<string, unknown>;
    };
  const patch = (name: string, change: object) =>
    kubectl(["patch", "srn", name, "-n", namespace, "--type=merge", "-p", JSON.stringify(change)]);
  const patchStatus = (name: string, status: object) =>
    kubectlOutput([
      "patch",
      "srn",
      name,
      "-n",
      namespace,
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify({ status }),
    ]);

  test("shows its defaults, and a status that kstatus does not take for ready", async () => {
    await kubectlOutput(["apply", "-f", "-"], rollout({}, "defaults"));
    const { spec, status } = await get("defaults");
    expect(status).toEqual({ observedGeneration: -1 });
    expect(spec).toEqual({
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "product" },
      traffic: { istio: {}, unsplit: "refuse" },
      steps: [{ weight: 10 }, { weight: 50 }, { weight: 100 }],
      bake: "2m",
      analysis: {
        errorRate: { max: "1%" },
        metrics: [],
        compareWith: "limit-and-stable",
        sensitivity: "robust",
        reporter: "source",
        minStepDuration: "30s",
        maxStepDuration: "30m",
        onInsufficientTraffic: "widen",
        onInconclusive: "hold",
      },
      outlierDetection: {
        tuning: "Auto",
        bounds: { consecutive5xxErrors: { min: 2, max: 10 }, maxEjectionPercent: { max: 50 } },
      },
      progressDeadline: "10m",
      onNewRevision: "restart",
      suspend: false,
    });
  });

  test("fills a part that is given in part", async () => {
    await kubectlOutput(
      ["apply", "-f", "-"],
      rollout({ analysis: { errorRate: {}, latency: { max: "1s" } } }, "partial"),
    );
    expect((await get("partial")).spec).toMatchObject({
      analysis: { errorRate: { max: "1%" }, latency: { max: "1s", quantile: 0.99 }, minStepDuration: "30s" },
    });
  });

  test("keeps its Deployment and Service, and says what to do instead", async () => {
    await kubectlOutput(["apply", "-f", "-"], rollout({ service: { name: "product", port: 8080 } }, "fixed"));
    const keepsDeployment =
      "a Rollout keeps its Deployment: delete this Rollout and create one for the other Deployment";
    const keepsService = "a Rollout keeps its Service: delete this Rollout and create one for the other Service";
    expect((await patch("fixed", { spec: { targetRef: { name: "cart" } } })).stderr).toContain(keepsDeployment);
    expect((await patch("fixed", { spec: { service: { port: 80 } } })).stderr).toContain(keepsService);
    expect((await patch("fixed", { spec: { service: null } })).stderr).toContain(keepsService);
    expect((await patch("defaults", { spec: { service: { name: "cart" } } })).stderr).toContain(keepsService);
    const keepsKind = "a Rollout keeps its kind of workload: delete this Rollout and create one for the other";
    const turned = { ...ownSubset, targetRef: null, service: { name: "product", port: 8080 } };
    expect((await patch("fixed", { spec: turned })).stderr).toContain(keepsKind);
    expect((await patch("fixed", { spec: { suspend: true, bake: "1m" } })).code).toBe(0);
  });

  test("shows at a glance how it stands", async () => {
    const at = "2026-01-01T00:00:00Z";
    const ready = { type: "Ready", status: "Unknown", reason: "Progressing", message: "A release is under way." };
    await kubectlOutput(["apply", "-f", "-"], rollout({}, "columns"));
    await patchStatus("columns", {
      observedGeneration: 1,
      phase: "Analysing",
      step: "2/3",
      weight: 50,
      message: "Half of the traffic goes to the canary.",
      conditions: [{ ...ready, observedGeneration: 1, lastTransitionTime: at }],
      stable: { image: "product:1" },
      canary: { image: "product:2" },
    });
    const [head, row] = (await kubectlOutput(["get", "srn", "columns", "-n", namespace])).split("\n");
    expect(head?.split(/\s+/).filter(Boolean)).toEqual(["NAME", "READY", "PHASE", "STEP", "WEIGHT", "REASON", "AGE"]);
    expect(row).toMatch(/^columns\s+Unknown\s+Analysing\s+2\/3\s+50\s+Progressing\s+\d+s$/);
    const wide = await kubectlOutput(["get", "serin", "-n", namespace, "-o", "wide"]);
    expect(wide).toMatch(/columns .* product:1\s+product:2\s+Half of the traffic goes to the canary\./);
  });

  test("keeps what an operator of another version writes into its status", async () => {
    await kubectlOutput(["apply", "-f", "-"], rollout({}, "future"));
    const future = {
      observedGeneration: 1,
      hold: "Webhook",
      verification: { done: true },
      release: { number: 1, decision: "StepBack", outlierDetection: { tuned: true }, traffic: { mirrored: 5 } },
    };
    await patchStatus("future", future);
    expect((await get("future")).status).toEqual(future);
  });

  test("explains each field", async () => {
    const text = await kubectlOutput(["explain", "srn.spec.analysis.errorRate.max"]);
    expect(text).toContain("The largest share of failed requests.");
    expect(await kubectlOutput(["explain", "rollouts.status.release.analysis"])).toContain(
      "Up to when requests are counted.",
    );
  });
});
