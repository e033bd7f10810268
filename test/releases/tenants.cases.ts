import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { requestAnnotations, requestedByAnnotation, type Request } from "../../src/api/names.ts";
import { generatedName } from "../../src/adapters/istio/target.ts";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { deployment, manifest, namespaceObject, rollout, service } from "../lab/app.ts";
import type { Lab } from "../lab/lab.ts";
import type { OwnPods } from "../lab/own-pods.ts";
import type { Shop, StoredRollout } from "../lab/shop.ts";

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");

/** An installation by the chart, with a shop whose team tries things. */
export interface Tenancy {
  readonly lab: Lab;
  readonly shop: Shop;
  readonly ownPods: OwnPods;
}

/** Where the product is installed. */
const system = "serin-system";

/** Alice may change what is in the namespace of the shop; Bob may change its Rollouts. */
export async function openToPeople({ lab, shop: { namespace } }: Tenancy): Promise<void> {
  const rbac = { apiVersion: "rbac.authorization.k8s.io/v1", group: "rbac.authorization.k8s.io" };
  const rules = [{ apiGroups: ["serin.dev"], resources: ["rollouts"], verbs: ["get", "patch"] }];
  const binding = (name: string, kind: string, role: string) => ({
    apiVersion: rbac.apiVersion,
    kind: "RoleBinding",
    metadata: { name, namespace },
    roleRef: { apiGroup: rbac.group, kind, name: role },
    subjects: [{ apiGroup: rbac.group, kind: "User", name }],
  });
  const role = { apiVersion: rbac.apiVersion, kind: "Role", metadata: { name: "patching", namespace }, rules };
  await lab.apply(manifest(role, binding("bob", "Role", "patching"), binding("alice", "ClusterRole", "edit")));
}

/** What a person asks of the shop's release; `more` are further annotations and flags of kubectl. */
export function askAs({ lab, shop }: Tenancy, person: string, request: Request, ...more: string[]): Promise<string> {
  const asked = `${requestAnnotations[request]}=${new Date().toISOString()}`;
  const how = ["annotate", "--overwrite", "srn", "product", "-n", shop.namespace, `--as=${person}`];
  return lab.kubectl([...how, asked, ...more]);
}

/** What the API server says of a right: "yes" or "no", with a reason where it has one. */
export async function canI({ cluster }: Lab, as: string, right: string, ...where: string[]): Promise<string> {
  const { stdout, stderr } = await cluster.kubectl(["auth", "can-i", ...right.split(" "), ...where, `--as=${as}`]);
  if (!/^(yes|no)\b/.test(stdout)) throw new Error(`can-i ${right}: ${stderr}`);
  return stdout.trim();
}

const mayNot = (lab: Lab, as: string, rights: readonly string[], ...where: string[]) =>
  Promise.all(rights.map(async (right) => [right, await canI(lab, as, right, ...where)])).then((answers) => {
    expect(answers).toEqual(rights.map((right) => [right, "no"]));
  });

/** A Rollout with one more field, as the API server would store it for a client that does not ask for refusals. */
async function storedWith({ lab, shop }: Tenancy, spec: object, ...flags: string[]): Promise<string> {
  const named = { ...rollout({ namespace: shop.namespace, name: "tried" }) } as { spec: object };
  const text = manifest({ ...named, spec: { ...named.spec, ...spec } });
  return lab.kubectl(["create", "--dry-run=server", "-o", "json", ...flags, "-f", "-"], text);
}

const reference = { name: "product", namespace: "others" };
const ratio = { bad: "a_total", total: "b_total", max: "1%" };

/** Fields that teams might wish for, with the word that has to be refused. */
const wishes = {
  "another namespace": [
    ["namespace", { targetRef: reference }],
    ["namespace", { service: reference }],
    ["namespace", { traffic: { istio: { virtualService: reference } } }],
    ["namespace", { traffic: { istio: { destinationRule: reference } } }],
  ],
  "an address or a credential of a team's own": [
    ["prometheus", { analysis: { prometheus: { address: "http://169.254.169.254" } } }],
    ["address", { analysis: { address: "http://169.254.169.254" } }],
    ["address", { analysis: { metrics: [{ name: "own", ratio, address: "http://169.254.169.254" }] } }],
    ["secretRef", { analysis: { metrics: [{ name: "own", ratio, secretRef: { name: "token" } }] } }],
  ],
} as const;

/** What a team could try, and what somebody with the operator's token could: lines of docs/security.md. */
export function tenantCases(tenancy: () => Tenancy): void {
  test.each(Object.entries(wishes))("a team cannot name %s in a Rollout", async (_what, fields) => {
    for (const [word, spec] of fields) {
      await expect(storedWith(tenancy(), spec), JSON.stringify(spec)).rejects.toThrow(`unknown field "spec.`);
      const stored = JSON.parse(await storedWith(tenancy(), spec, "--validate=ignore")) as { spec: object };
      expect(JSON.stringify(stored.spec)).not.toContain(`"${word}"`);
    }
  });

  test.each(Object.keys(requestAnnotations) as Request[])(
    "a team asks to %s only with the right to",
    async (request) => {
      await expect(askAs(tenancy(), "bob", request, "--dry-run=server")).rejects.toThrow(
        `who asks for it needs the verb ${request} on rollouts.serin.dev`,
      );
      expect(await askAs(tenancy(), "alice", request, "--dry-run=server")).toContain("annotated");
    },
  );

  test("a team cannot ask in somebody else's name: the API server writes who it was", async () => {
    const forged = `${requestedByAnnotation}=carol`;
    const told = await askAs(tenancy(), "alice", "pause", forged, "--dry-run=server", "-o", "json");
    const { metadata } = JSON.parse(told) as { metadata: { annotations: Record<string, string> } };
    expect(metadata.annotations[requestedByAnnotation]).toBe("alice");
  });

  test("a team's Rollout writes over no VirtualService that somebody else made", async () => {
    const { lab, shop } = tenancy();
    const app = { namespace: shop.namespace, name: "taken", image: "product:v1", replicas: 1 };
    const metadata = { name: generatedName("taken"), namespace: shop.namespace };
    const spec = { hosts: ["elsewhere"], http: [{ route: [{ destination: { host: "elsewhere" } }] }] };
    await lab.apply(manifest({ apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec }));
    const before = await shop.route(metadata.name);
    await lab.apply(manifest(service(app), deployment(app), rollout(app)));
    const told = async () => (await lab.cluster.client.get(rollouts, { ...metadata, name: "taken" }))?.status.message;
    await until(async () => (await told())?.includes("does not belong to this Rollout") === true, {
      timeout: 60_000,
      what: "the refusal",
    });
    expect(await shop.route(metadata.name)).toEqual(before);
    await lab.kubectl(["delete", "srn,deployment,service", "taken", "-n", shop.namespace, "--timeout=60s"]);
    await lab.kubectl(["delete", "virtualservice", metadata.name, "-n", shop.namespace]);
  });

  test("a team can change neither what holds templates nor other policies, nor read what is the operator's", async () => {
    const { lab, shop } = tenancy();
    expect(await canI(lab, "alice", "patch rollouts.serin.dev", "-n", shop.namespace)).toBe("yes");
    const admission = "admissionregistration.k8s.io";
    const ofCluster = [
      `mutatingadmissionpolicies.${admission}`,
      `mutatingadmissionpolicybindings.${admission}`,
      `validatingadmissionpolicies.${admission}`,
      `validatingadmissionpolicybindings.${admission}`,
      `mutatingwebhookconfigurations.${admission}`,
      "customresourcedefinitions.apiextensions.k8s.io",
    ];
    for (const verb of ["create", "patch", "delete"])
      await mayNot(
        lab,
        "alice",
        ofCluster.map((resource) => `${verb} ${resource}`),
      );
    const ofOperator = [
      "get secrets",
      "get configmaps",
      "patch leases.coordination.k8s.io",
      "create serviceaccounts/token",
    ];
    await mayNot(lab, "alice", ofOperator, "-n", system);
  });

  test("a team that measures more than it should learns nothing from events, status or logs", async () => {
    const { lab, shop, ownPods } = tenancy();
    const query = `scalar(sum(up{tell="nobody"}) or vector(4711.25))`;
    const own = { name: "own", value: { query, max: 5, interval: "1s", failureLimit: 2 } };
    const analysis = { minStepDuration: "3s", metrics: [own] };
    const change = (to: object) =>
      lab.kubectl(["patch", "srn", "product", "-n", shop.namespace, "--type=merge", "-p", JSON.stringify(to)]);
    await change({ spec: { analysis } });
    await shop.release("product:v10");
    await shop.endsAs("product:v10", { outcome: "RolledBack", reason: "CheckFailed" });
    await change({ spec: { analysis: { metrics: null } } });
    const events = await lab.kubectl(["get", "events.events.k8s.io", "-n", shop.namespace, "-o", "json"]);
    expect(events).toContain("CheckFailed");
    const logs = [...ownPods.logs.values()].map((path) => readFileSync(path, "utf8"));
    const { status } = await shop.rollout();
    const told = [events, JSON.stringify(status), ...logs].join("\n");
    expect(["nobody", "4711", "tell="].filter((secret) => told.includes(secret))).toEqual([]);
  });

  test("a team that writes Rollouts without end keeps nobody's rollback waiting", async () => {
    const { lab, shop } = tenancy();
    const namespace = "chart-noisy";
    const names = Array.from({ length: 100 }, (_, index) => `noise-${index}`);
    await lab.apply(manifest(namespaceObject(namespace)));
    await lab.apply(manifest(...names.map((name) => rollout({ namespace, name }))));
    const noise = { isOver: false, writes: 0 };
    const write = (name: string) => {
      const change = { spec: { progressDeadline: `${600 + noise.writes}s` } };
      noise.writes += 1;
      return lab.cluster.client.patch(rollouts, { namespace, name }, change, { type: "merge" });
    };
    const writing = Promise.all(
      [0, 1, 2, 3].map(async (part) => {
        const own = names.filter((_, index) => index % 4 === part);
        while (!noise.isOver) for (const name of own) await write(name);
      }),
    );
    const mark = shop.load.snapshot();
    try {
      await shop.release("product:v11", { ERROR_RATE: "0.5" });
      await shop.endsAs("product:v11", { outcome: "RolledBack", reason: "ErrorRateTooHigh" });
    } finally {
      noise.isOver = true;
      await writing;
    }
    const { byVersion } = shop.load.since(mark);
    process.stderr.write(`${noise.writes} writes of others in a rollback\n`);
    expect(noise.writes).toBeGreaterThan(500);
    // It had half of the traffic for the time that a verdict takes, and no longer.
    expect(byVersion["v11"]!.total).toBeLessThan(byVersion["v6"]!.total);
    await lab.kubectl(["delete", "srn", "--all", "-n", namespace, "--timeout=60s"]);
    await lab.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });

  const account = `system:serviceaccount:${system}:serin-operator`;

  test("the operator's account reads no Secret of anybody", async () => {
    const { lab, shop } = tenancy();
    for (const where of [["-n", shop.namespace], ["-n", system], ["-A"]])
      await mayNot(lab, account, ["get secrets", "list secrets", "watch secrets"], ...where);
  });

  test("the operator's account starts no pod, writes no policy, binds no right and deletes no Deployment or Rollout", async () => {
    const { lab } = tenancy();
    expect(await canI(lab, account, "patch deployments.apps", "-A")).toBe("yes");
    await mayNot(
      lab,
      account,
      [
        "create pods",
        "create deployments.apps",
        "delete deployments.apps",
        "delete rollouts.serin.dev",
        "patch mutatingadmissionpolicies.admissionregistration.k8s.io",
        "patch validatingadmissionpolicies.admissionregistration.k8s.io",
        "create rolebindings.rbac.authorization.k8s.io",
        "create clusterrolebindings.rbac.authorization.k8s.io",
        "impersonate users",
      ],
      "-A",
    );
  });
}
