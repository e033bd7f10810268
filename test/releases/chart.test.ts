import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { kind, type KubernetesObject } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { deployment, manifest, namespaceObject, rollout, service } from "../lab/app.ts";
import { helmFor, type Helm } from "../lab/helm.ts";
import { startLab, type Lab } from "../lab/lab.ts";
import { startOwnPods, type OwnPod, type OwnPods } from "../lab/own-pods.ts";
import { openShop, type Shop, type StoredRollout } from "../lab/shop.ts";
import { pointNamed, refusal, refuse } from "../workload/hand-over.ts";
import { askedBy, grantedTo } from "./rights.ts";
import { askAs, canI, openToPeople, tenantCases } from "./tenants.cases.ts";

/**
 * The product as Helm installs it: what the chart renders is run, as the accounts and with the rights that it has there.
 * One installation lives through all of these tests, in their order.
 */
const chart = fileURLToPath(new URL("../../charts/serin", import.meta.url));
/** The chart as the repository's first commit with one had it, packaged. The operator is today's with either. */
const firstChart = fileURLToPath(new URL("first-chart.tgz", import.meta.url));
const system = "serin-system";
const team = "serin-team";
const pods = kind<
  OwnPod & { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } }
>("v1", "Pod");
const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");

let lab: Lab;
let helm: Helm;
let ownPods: OwnPods;
let shop: Shop;
let manifests: readonly KubernetesObject[];

beforeAll(async () => {
  lab = await startLab({ prometheusScrapeInterval: "1s", audit: true }, { bare: true });
  helm = await helmFor(lab.cluster);
  ownPods = startOwnPods(lab.cluster);
}, 5_400_000);

afterAll(async () => {
  await ownPods.stop();
  await lab.stop();
});

const settings = () => [
  `--set=config.prometheusAddress=${lab.cluster.prometheusUrl}`,
  "--set=config.propagation=1s,config.evidencePeriod=2s,config.rollbackDeadline=10s",
];

async function upgradeTo(what: string, ...more: readonly string[]): Promise<void> {
  await helm("upgrade", "serin", what, "-n", system, "--wait", "--timeout=120s", ...settings(), ...more);
}

/** What a Rollout's spec may have, as the API server has the definition. */
async function definition(): Promise<object> {
  const text = await lab.kubectl(["get", "crd", "rollouts.serin.dev", "-o", "json"]);
  const { spec } = JSON.parse(text) as { spec: { versions: { schema: { openAPIV3Schema: Schema } }[] } };
  return spec.versions[0]?.schema.openAPIV3Schema.properties.spec.properties ?? {};
}

interface Schema {
  readonly properties: { readonly spec: { readonly properties: object } };
}

/** A field that the first chart's definition does not have. */
const tuning = "outlierDetection";

/** Ready pods of the operator. */
async function readyPods(): Promise<readonly OwnPod[]> {
  const labelSelector = "app.kubernetes.io/name=serin,app.kubernetes.io/component=operator";
  const { items } = await lab.cluster.client.list(pods, { namespace: system, labelSelector });
  return items.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
  );
}

const steps = { steps: [{ weight: 50 }, { pause: {} }, { weight: 100 }] };
const pause = ({ status }: StoredRollout) => status.phase === "Paused";

describe("the chart", () => {
  test("is installed, and a Rollout is released by four commands", async () => {
    await lab.kubectl(["create", "-f", "-"], manifest(leftWebhook));
    await helm(
      "install",
      "serin",
      chart,
      "-n",
      system,
      "--create-namespace",
      "--wait",
      "--timeout=120s",
      ...settings(),
    );
    expect(await readyPods()).toHaveLength(2);
    const rendered = await helm("get", "manifest", "serin", "-n", system);
    manifests = parseAllDocuments(rendered).map((document) => document.toJS() as KubernetesObject);
    shop = await openShop(lab, "chart-shop");
    await shop.release("product:v2");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect((await shop.rollout()).status).toMatchObject({ hold: "Policy" });
  });

  test("says in events and in the Rollout alone why a release was rolled back", async () => {
    await shop.release("product:v3", { ERROR_RATE: "0.5" });
    await shop.endsAs("product:v3", { outcome: "RolledBack", reason: "ErrorRateTooHigh" });
    const described = await lab.kubectl(["describe", "srn", "product", "-n", "chart-shop"]);
    expect(described).toMatch(/ErrorRateTooHigh: .* % of .* canary requests failed \(limit 1 %/);
    const events = await lab.kubectl(["get", "events", "-n", "chart-shop"]);
    expect(events).toMatch(/Warning\s+AnalysisFailed\s+rollout\/product\s+ErrorRateTooHigh/);
  });

  test("is upgraded and rolled back in mid-release, which goes on", async () => {
    await lab.kubectl([
      "patch",
      "srn",
      "product",
      "-n",
      "chart-shop",
      "--type=merge",
      "-p",
      JSON.stringify({ spec: steps }),
    ]);
    const mark = shop.load.snapshot();
    await upgradeTo(firstChart);
    expect(await definition()).not.toHaveProperty(tuning);
    await shop.release("product:v4");
    await shop.untilRollout("the pause", pause);
    const before = (await readyPods()).map(({ metadata }) => metadata.name);
    await upgradeTo(chart, "--set=podAnnotations.turn=two");
    expect(await definition()).toHaveProperty(tuning);
    await until(async () => (await readyPods()).every(({ metadata }) => !before.includes(metadata.name)), {
      timeout: 60_000,
      what: "other pods",
    });
    await helm("rollback", "serin", "2", "-n", system, "--wait", "--timeout=120s");
    expect(await definition()).not.toHaveProperty(tuning);
    await openToPeople({ lab, shop, ownPods });
    await askAs({ lab, shop, ownPods }, "alice", "promote");
    await shop.endsAs("product:v4", { outcome: "Promoted" });
    const told = await lab.kubectl(["get", "events", "-n", "chart-shop"]);
    expect(told).toMatch(/StepPassed\s+rollout\/product\s+.*alice asked to go on/);
    await upgradeTo(chart);
    expect(await definition()).toHaveProperty(tuning);
    expect(shop.load.since(mark).failed, lab.failedCalls("chart-shop").join("\n")).toBe(0);
    expect(ownPods.unhealthy).toEqual([]);
  });

  test("has the rights for a hand-over that a newer template comes into", async () => {
    const spec = { steps: [{ weight: 100 }], onNewRevision: "finish" };
    await lab.kubectl(["patch", "srn", "product", "-n", "chart-shop", "--type=merge", "-p", JSON.stringify({ spec })]);
    const point = pointNamed("hand-over");
    const lift = await refuse(lab.cluster.client, "chart-shop", point);
    const isStopped = ({ status }: StoredRollout) =>
      status.conditions?.some(({ message }) => message.includes(refusal(point))) === true;
    await shop.release("product:v5");
    await shop.untilRollout("the stop before the hand-over", isStopped);
    await shop.release("product:v6");
    await lift();
    await shop.endsAs("product:v6", { outcome: "Promoted" });
    const back = { spec: { ...steps, onNewRevision: "restart" } };
    await lab.kubectl(["patch", "srn", "product", "-n", "chart-shop", "--type=merge", "-p", JSON.stringify(back)]);
  });

  test("keeps the operator from changing anything else of a Deployment", async () => {
    const as = ["--as=system:serviceaccount:serin-system:serin-operator", "-n", "chart-shop"];
    const patch = (change: object) =>
      lab.kubectl(["patch", "deployment", "product", "--type=merge", "-p", JSON.stringify(change), ...as]);
    const scale = { spec: { replicas: 1 } };
    const image = { spec: { template: { spec: { containers: [{ name: "app", image: "evil:v1" }] } } } };
    await expect(patch(scale)).rejects.toThrow("the operator of Serin changes the pause, maxSurge and the template");
    await expect(patch(image)).rejects.toThrow("only while the Deployment is paused for its Rollout");
    await expect(patch({ metadata: { labels: { team: "x" } } })).rejects.toThrow("no label of a Deployment but");
    await expect(patch({ metadata: { annotations: { note: "x" } } })).rejects.toThrow(
      "no annotation of a Deployment but",
    );
    await expect(patch({ metadata: { finalizers: ["x.example/y"] } })).rejects.toThrow("neither owners nor finalizers");
  });

  tenantCases(() => ({ lab, shop, ownPods }));

  test("is uninstalled in mid-release: every Rollout is let go first, apps go on", async () => {
    await openWithVolume();
    const mark = shop.load.snapshot();
    await shop.release("product:v7");
    await shop.untilRollout("the pause", pause);
    await helm("uninstall", "serin", "-n", system, "--wait", "--timeout=120s");
    expect((await lab.cluster.client.list(rollouts, {})).items).toEqual([]);
    expect((await shop.deployment()).spec["paused"] ?? false).toBe(false);
    expect([await shop.route(), await shop.subsets()]).toEqual([undefined, undefined]);
    expect(await leftOvers()).toEqual(["customresourcedefinition.apiextensions.k8s.io/rollouts.serin.dev"]);
    expect(shop.load.since(mark).failed, lab.failedCalls("chart-shop").join("\n")).toBe(0);
    await lab.kubectl(["set", "image", "deployment/product", "app=product:v4", "-n", "chart-shop"]);
    await lab.kubectl(["rollout", "status", "deployment/product", "-n", "chart-shop", "--timeout=60s"]);
  });

  test("for one namespace works with Roles in it alone, and reaches no other", async () => {
    const values = [...settings(), `--set=namespaces={${shop.namespace}}`, "--set=crds.enabled=false"];
    await helm("install", "team", chart, "-n", team, "--create-namespace", "--wait", "--timeout=120s", ...values);
    await shop.createRollout();
    await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready");
    await shop.release("product:v8");
    await shop.endsAs("product:v8", { outcome: "Promoted" });
    const account = `system:serviceaccount:${team}:serin-operator`;
    for (const right of ["patch virtualservices.networking.istio.io", "create replicasets.apps"]) {
      expect(await canI(lab, account, right, "-n", shop.namespace)).toBe("yes");
      expect(await canI(lab, account, right, "-n", "default")).toBe("no");
    }
    await helm("uninstall", "team", "-n", team, "--wait", "--timeout=120s");
    const { used, denied } = askedIn(team);
    expect(denied).toEqual([]);
    expect(used).toContain("patch networking.istio.io/virtualservices");
  });

  test("grants the operator what it needs and nothing else, by the log of the API server", () => {
    const granted = grantedTo("serin-operator", manifests);
    const { used, denied } = askedIn(system);
    expect(denied).toEqual([]);
    expect([...granted].filter((right) => !used.has(right) && !neverAsked.has(right))).toEqual([]);
    expect([...granted].filter((right) => right.includes("*"))).toEqual([]);
  });
});

/**
 * What the operator of an installation and its hook asked for. Once the Rollouts are gone Helm takes the operator's rights
 * away, and it may have a Lease to give back still: that is left out.
 */
function askedIn(namespace: string): ReturnType<typeof askedBy> {
  const { auditLog } = lab.cluster;
  const hook = askedBy(`${namespace}:serin-uninstall`, auditLog);
  const { used, denied, last } = askedBy(`${namespace}:serin-operator`, auditLog, hook.last);
  return { used, denied: [...denied, ...hook.denied], last };
}

/** Checked by admission of an ownerReference, and not a request of its own. */
const neverAsked: ReadonlySet<string> = new Set(["update serin.dev/rollouts/finalizers"]);

/** What an operator left that held by its webhook, on an older Kubernetes: it refuses nothing, and has to go. */
const leftWebhook = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingWebhookConfiguration",
  metadata: { name: "serin-hold" },
  webhooks: [],
};

/** An app whose pods share a claim, which the operator looks at before it runs two versions side by side. */
async function openWithVolume(): Promise<void> {
  const namespace = "chart-volume";
  const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
  const app = { namespace, image: "product:v1", fields: { pod: { volumes } } };
  const claim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace },
    spec: { accessModes: ["ReadWriteMany"], resources: { requests: { storage: "1Gi" } } },
  };
  await lab.apply(manifest(namespaceObject(namespace)));
  await lab.apply(manifest(claim, service(app), deployment(app), rollout(app)));
  const isReady = async () => (await lab.cluster.client.get(rollouts, { namespace, name: "product" }))?.status.phase;
  await until(async () => (await isReady()) === "Ready", { timeout: 60_000, what: "the app with a volume" });
}

/** What is still there of all that the chart, its hooks and the operator made for themselves. */
async function leftOvers(): Promise<readonly string[]> {
  const kinds = [
    "crd",
    "clusterrole",
    "clusterrolebinding",
    "validatingadmissionpolicy",
    "validatingadmissionpolicybinding",
    "mutatingadmissionpolicy",
    "mutatingadmissionpolicybinding",
  ];
  const own = [
    "role",
    "rolebinding",
    "serviceaccount",
    "deployment",
    "job",
    "networkpolicy",
    "pdb",
    "secret",
    "service",
  ];
  const selector = ["-l", "app.kubernetes.io/name=serin", "-o", "name"];
  const [cluster, namespaced, webhooks] = await Promise.all([
    lab.kubectl(["get", kinds.join(","), ...selector]),
    lab.kubectl(["get", own.join(","), "-n", system, ...selector]),
    lab.kubectl(["get", "mutatingwebhookconfigurations", "serin-hold", "--ignore-not-found", "-o", "name"]),
  ]);
  return `${cluster}\n${namespaced}\n${webhooks}`.split("\n").filter((line) => line !== "");
}
