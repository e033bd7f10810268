import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { manifest, rollout as rolloutObject } from "../lab/app.ts";
import { startLab, type Lab, type Operator } from "../lab/lab.ts";
import type { Stored, StoredRollout } from "../lab/shop.ts";
import { brisk, openCase, operatorFlags, type Case } from "./bench.ts";
import { expectLetGo, rollsByItself } from "./left-behind.ts";

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");
const replicaSets = kind<Stored>("apps/v1", "ReplicaSet");
const namespaces = kind<Stored>("v1", "Namespace");
const definitions = kind<Stored & { readonly status: { readonly conditions: unknown } }>(
  "apiextensions.k8s.io/v1",
  "CustomResourceDefinition",
);
const root = new URL("../../", import.meta.url);
const definition = readFileSync(new URL("crds/rollouts.serin.dev.yaml", root), "utf8");

let lab: Lab;
let operator: Operator;

beforeAll(async () => {
  lab = await startLab({ prometheusScrapeInterval: "1s" });
  operator = await lab.startOperator(operatorFlags);
}, 5_400_000);

afterAll(async () => {
  await lab.stop();
});

const open = (namespace: string, spec: object = {}) => openCase({ lab, operator }, namespace, { spec });

/** A release of v2 that stays at `weight`. */
async function openInRelease(namespace: string, weight: number): Promise<Case> {
  const last = weight === 100 ? [] : [{ weight: 100 }];
  const shop = await open(namespace, { steps: [{ weight }, { pause: {} }, ...last] });
  await shop.release("product:v2");
  await shop.untilRollout(`the pause at ${weight}`, ({ status }) => status.phase === "Paused");
  return shop;
}

/** One that has just handed its canary to the Deployment. */
async function openInAdoption(namespace: string): Promise<Case> {
  const shop = await open(namespace);
  await shop.release("product:v2");
  const query = { kind: replicaSets, namespace, timeout: 120_000, what: "the hand-over" };
  await lab.cluster.client.watchUntil(query, (found: readonly Stored[]) =>
    found.some(({ metadata }) => metadata.name.startsWith("product-a-") && metadata.labels?.["app"] === "product"),
  );
  return shop;
}

async function remove({ namespace }: Case): Promise<void> {
  await lab.kubectl(["delete", "rollout/product", "-n", namespace, "--wait=false"]);
}

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** The command as a person runs it; `interruptAt` is what it says when the person presses Ctrl-C. */
function serinRelease(namespace: string, flags: readonly string[] = [], interruptAt?: string): Promise<Ended> {
  const main = fileURLToPath(new URL("src/main.ts", root));
  const args = [main, "release", "product", "-n", namespace, "--kubeconfig", lab.cluster.kubeconfig, ...flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let isInterrupted = false;
  const hear = (text: Buffer) => {
    said += text.toString();
    if (isInterrupted || interruptAt === undefined || !said.includes(interruptAt)) return;
    // Once: a second signal ends any command at once.
    isInterrupted = true;
    child.kill("SIGINT");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, said }));
  });
}

const byForce = ["--force", "--yes", "--propagation", "1s", "--rollback-deadline", "5s"];

async function endedWell(shop: Case, image: string): Promise<void> {
  await expectLetGo(lab, shop, [image]);
  await rollsByItself(lab, shop, "product:v3");
  await shop.end();
}

describe("with the operator killed in the middle of everything", () => {
  let waiting: Readonly<Record<"rest" | "ten" | "namespace", Case>>;
  let forced: Readonly<Record<"rest" | "ten" | "hundred" | "adoption", Case>>;

  beforeAll(async () => {
    const [rest, ten, namespace, forcedRest, forcedTen, hundred] = await Promise.all([
      open("wait-at-rest"),
      openInRelease("wait-at-10", 10),
      openInRelease("wait-namespace", 10),
      open("force-at-rest"),
      openInRelease("force-at-10", 10),
      openInRelease("force-at-100", 100),
    ]);
    const adoption = await openInAdoption("force-adopting");
    await operator.process.stop("SIGKILL");
    waiting = { rest, ten, namespace };
    forced = { rest: forcedRest, ten: forcedTen, hundred, adoption };
  }, 300_000);

  test("deleted Rollouts wait for the operator, and their apps go on as they were", async () => {
    const mark = waiting.ten.load.snapshot();
    await Promise.all([remove(waiting.rest), remove(waiting.ten)]);
    await lab.kubectl(["delete", "namespace", "wait-namespace", "--wait=false"]);
    await until(() => waiting.ten.load.since(mark).total > 200, { timeout: 60_000, what: "200 requests" });
    expect(waiting.ten.load.since(mark).failed).toBe(0);
    expect((await waiting.rest.rollout()).metadata.deletionTimestamp).toBeDefined();
    expect((await waiting.ten.rollout()).status.weight).toBe(10);
  });

  test("serin release without --force waits, says for what, and can be ended", async () => {
    const { code, said } = await serinRelease("force-at-10", [], "Should no operator run any more");
    expect(said).toContain("product is being deleted; waiting for the operator to give back what it took.");
    expect(code).toBe(130);
    expect((await forced.ten.rollout()).metadata.deletionTimestamp).toBeDefined();
  });

  test("serin release --force is refused while somebody holds the operator's Lease", async () => {
    const now = new Date().toISOString().replace("Z", "000Z");
    const spec = { holderIdentity: "operator-1", leaseDurationSeconds: 3_600, renewTime: now, acquireTime: now };
    const metadata = { name: "serin-operator", namespace: "serin-system" };
    await lab.apply(manifest({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec }));
    const { code, said } = await serinRelease("force-at-rest", byForce);
    expect(said).toContain("an operator is at work: operator-1 keeps renewing Lease serin-system/serin-operator");
    expect(code).toBe(1);
    expect((await forced.rest.rollout()).metadata.deletionTimestamp).toBeUndefined();
    await lab.kubectl(["delete", "lease/serin-operator", "-n", "serin-system"]);
  });

  test("serin release --force gives everything back, also when it was interrupted and begun again", async () => {
    const interrupted = await serinRelease("force-at-100", byForce, "all traffic goes to stable");
    expect(interrupted).toMatchObject({ code: 130 });
    expect(await lab.cluster.client.get(rollouts, { namespace: "force-at-100", name: "product" })).toBeDefined();
    const ended = await Promise.all(Object.values(forced).map(({ namespace }) => serinRelease(namespace, byForce)));
    for (const { code, said } of ended) {
      expect(said).toContain("No operator answers; doing its part from here.");
      expect(said).toContain(
        "Deployment product stays and rolls its next change out by itself, beside Service product.",
      );
      expect(code, said).toBe(0);
    }
    await Promise.all([
      endedWell(forced.rest, "product:v1"),
      endedWell(forced.ten, "product:v1"),
      endedWell(forced.hundred, "product:v1"),
      endedWell(forced.adoption, "product:v2"),
    ]);
  });

  test("what was deleted meanwhile is let go when the operator is back, a namespace too", async () => {
    await waiting.namespace.load.stop();
    operator = await lab.startOperator(operatorFlags, "operator-again");
    await Promise.all([endedWell(waiting.rest, "product:v1"), endedWell(waiting.ten, "product:v1")]);
    await until(async () => (await lab.cluster.client.get(namespaces, { name: "wait-namespace" })) === undefined, {
      timeout: 120_000,
      what: "the end of the namespace",
    });
    await waiting.namespace.capacity.stop();
  });
});

describe("when the definition of Rollouts changes", () => {
  test("a Rollout whose spec no longer parses is let go, at rest and in mid-release", async () => {
    const [rest, ten] = await Promise.all([open("unparsed-at-rest"), openInRelease("unparsed-at-10", 10)]);
    await lab.cluster.client.patch(definitions, { name: "rollouts.serin.dev" }, looseSchema(), { type: "json" });
    // Of another type than the definition allows, and beyond its limits: the API server treats them differently.
    await spoil(rest, "ten, then all");
    await spoil(ten, [{ weight: 10 }, { weight: 1_000 }]);
    await lab.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], definition);
    await ten.untilRollout("the complaint", ({ status }) => status.phase === "Invalid");
    await Promise.all([remove(rest), remove(ten)]);
    await Promise.all([endedWell(rest, "product:v1"), endedWell(ten, "product:v1")]);
  });

  test("when it is deleted all Rollouts are let go; the operator goes on, and works when it is back", async () => {
    const [rest, ten] = await Promise.all([open("definition-at-rest"), openInRelease("definition-at-10", 10)]);
    await lab.kubectl(["delete", "crd/rollouts.serin.dev", "--timeout=120s"]);
    const isGone = (shop: Case) => leftAsWithoutSerin(shop, "product:v1");
    await Promise.all([isGone(rest), isGone(ten)]);
    const readiness = async () => (await fetch(`${operator.metricsUrl}/readyz`)).text();
    await until(async () => (await readiness()).includes("rollouts.serin.dev"), {
      timeout: 60_000,
      what: "the operator to say that Rollouts are not served",
    });
    await lab.install();
    await lab.apply(manifest(rolloutObject({ namespace: "definition-at-10" }, brisk)));
    await ten.untilRollout("Ready", ({ status }) => status.phase === "Ready");
    await ten.release("product:v3");
    await ten.endsAs("product:v3", { outcome: "Promoted" });
    await rollsByItself(lab, rest, "product:v3");
    await Promise.all([rest.end(), ten.end()]);
  });

  test("when it is deleted and no operator is left, serin release --force lets it go", async () => {
    // A definition ends with its last Rollout, also those of earlier cases, which only the operator lets go.
    await lab.kubectl(["delete", "srn", "--all", "--all-namespaces", "--timeout=120s"]);
    const ten = await openInRelease("terminating-at-10", 10);
    await operator.process.stop("SIGKILL");
    await lab.kubectl(["delete", "crd/rollouts.serin.dev", "--wait=false"]);
    await ten.untilRollout("its deletion", ({ metadata }) => metadata.deletionTimestamp !== undefined);
    const { code, said } = await serinRelease("terminating-at-10", byForce);
    expect(code, said).toBe(0);
    await leftAsWithoutSerin(ten, "product:v1");
    await until(definitionIsGone, { timeout: 60_000, what: "the end of the definition" });
    await rollsByItself(lab, ten, "product:v3");
    await ten.end();
  });
});

/** What is left where there are no Rollouts to ask for any more. */
async function leftAsWithoutSerin(shop: Case, image: string): Promise<void> {
  const found = await shop.deployment();
  expect(found.spec["paused"] ?? false).toBe(false);
  expect(JSON.stringify(found.spec["template"])).toContain(`"${image}"`);
  expect(Object.keys(found.metadata.labels ?? {})).toEqual(["app"]);
  expect([await shop.route(), await shop.subsets()]).toEqual([undefined, undefined]);
  const { items } = await lab.cluster.client.list(replicaSets, { namespace: shop.namespace });
  expect(items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("product-a-"))).toEqual([]);
}

/** False, or an error that says what keeps it. */
async function definitionIsGone(): Promise<boolean> {
  const found = await lab.cluster.client.get(definitions, { name: "rollouts.serin.dev" });
  if (found === undefined) return true;
  throw new Error(`it is kept: ${JSON.stringify(found.status.conditions)}`);
}

/** Writes steps that do not parse, as soon as the API server takes them. */
async function spoil({ namespace }: Case, steps: unknown): Promise<void> {
  const write = () => lab.cluster.client.patch(rollouts, { namespace, name: "product" }, { spec: { steps } });
  const isSpoilt = async () => JSON.stringify((await write()).spec["steps"]) === JSON.stringify(steps);
  await until(isSpoilt, { timeout: 60_000, what: "a spec that does not parse" });
}

/** As an older version of the definition might have been. */
function looseSchema(): object {
  const schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return [{ op: "replace", path: "/spec/versions/0/schema/openAPIV3Schema", value: schema }];
}
