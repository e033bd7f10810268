import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { holdAnnotation, rolloutLabel, unpauseAnnotation } from "../../../src/api/names.ts";
import { chooseHold } from "../../../src/adapters/kubernetes/hold-choice.ts";
import { configSchema } from "../../../src/config.ts";
import { serveHoldWebhook, webhookSecret, webhookService, type HoldWebhook } from "../../../src/hold.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { startCluster, type LocalCluster } from "../../cluster/cluster.ts";
import { freePorts } from "../../cluster/processes/ports.ts";
import { createHoldBench, rewritten, type HoldBench } from "./hold-bench.ts";
import { harmlessChanges, templateChanges, type Change } from "./hold-changes.ts";
import { deploymentOf } from "./workbench.ts";

const system = "serin-system";

let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startCluster({ kubernetes: "1.34" });
  await cluster.kubectl(["create", "namespace", system]);
});

afterAll(() => cluster.stop());

const benchOf = (namespace: string) =>
  createHoldBench({ kubeconfig: cluster.kubeconfig, kubectl: cluster.kubectlPath }, namespace);

const idOf = (by: string) => by.replaceAll(/[^a-z]+/g, "-");

test("the cluster is one of Kubernetes 1.34, which has no such policies", async () => {
  const { stdout } = await cluster.kubectl(["version", "-o", "json"]);
  expect(JSON.parse(stdout)).toMatchObject({ serverVersion: { minor: "34" } });
});

describe("the hold webhook on Kubernetes 1.34", () => {
  let bench: HoldBench;
  let webhook: HoldWebhook;
  let port: number;

  const serve = async () => {
    const config = configSchema.parse({
      prometheusAddress: "http://127.0.0.1:9090",
      webhookAddress: `127.0.0.1:${port}`,
      webhookUrl: `https://127.0.0.1:${port}`,
    });
    return serveHoldWebhook({ config, objects: bench.objects, log: silentLogger }, bench.signal);
  };
  const choose = () => {
    const { objects, signal } = bench;
    return chooseHold({ objects, wanted: "auto", webhook: () => webhook.client(), onWritten: () => undefined }, signal);
  };

  beforeAll(async () => {
    [port = 0] = await freePorts(1);
    bench = await benchOf("hold-webhook");
    await bench.kubectl(["create", "-f", "-"], deploymentOf("probe", { replicas: 0 }));
  });

  afterAll(async () => {
    await webhook.close();
    await cluster.kubectl(["delete", "mutatingwebhookconfiguration", "serin-hold"]);
    await bench.stop();
  });

  test("is not there without the Secret of its certificate, and the way out is said", async () => {
    webhook = await serve();
    await expect(choose()).resolves.toMatchObject({ hold: "Paused" });
    const { reason } = await choose();
    expect(reason).toContain("the API server does not serve mutatingadmissionpolicies v1; it needs Kubernetes 1.36");
    expect(reason).toContain(`kubectl create secret generic ${webhookSecret} -n ${system}`);
    await webhook.close();
  });

  test("is counted on when a trial change was held", async () => {
    await cluster.kubectl(["create", "secret", "generic", webhookSecret, "-n", system]);
    webhook = await serve();
    await expect(choose()).resolves.toEqual({
      hold: "Webhook",
      reason: "the webhook is in place and a trial change was held",
    });
  });

  test("is served with the same certificate by every replica, whoever made it", async () => {
    const [second = 0] = await freePorts(1);
    const first = port;
    port = second;
    const other = await serve().finally(() => (port = first));
    const authorities = (client: ReturnType<HoldWebhook["client"]>) => "authorities" in client && client.authorities;
    expect(authorities(other.client())).toBe(authorities(webhook.client()));
    expect(authorities(other.client())).toContain("BEGIN CERTIFICATE");
    await other.close();
  });

  test.each(templateChanges)("holds a change by $by", async ({ by, run }) => {
    const manifest = await bench.atRest(idOf(by));
    const { code, stderr } = await run(bench, manifest);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await bench.isPaused(manifest.metadata.name)).toBe(true);
  });

  test.each(harmlessChanges)("does not act on $by", async ({ by, run }) => {
    const manifest = await bench.atRest(idOf(by));
    const { code, stderr } = await run(bench, manifest);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await bench.isPaused(manifest.metadata.name)).toBe(false);
  });

  test("does not let people unpause what is held, and lets the operator do so once", async () => {
    await bench.atRest("unpause");
    await bench.run("set", "image", "deployment/unpause", "app=shop/app:v2");
    await bench.run("rollout", "resume", "deployment/unpause");
    expect(await bench.isPaused("unpause")).toBe(true);
    const token = String((await bench.read("unpause")).metadata.generation);
    const asked = { metadata: { annotations: { [unpauseAnnotation]: token } }, spec: { paused: false } };
    await bench.run("patch", "deployment/unpause", "-p", JSON.stringify(asked));
    expect(await bench.isPaused("unpause")).toBe(false);
    await bench.run("set", "image", "deployment/unpause", "app=shop/app:v3");
    await bench.run("patch", "deployment/unpause", "-p", JSON.stringify(asked));
    expect(await bench.isPaused("unpause")).toBe(true);
  });

  test("holds what another admission webhook rewrites after it", async () => {
    expect((await rewritten(bench)).spec).toMatchObject({
      paused: true,
      template: { spec: { containers: [{ image: "mirror/shop/app:v1" }] } },
    });
  });

  test("holds nothing of a Deployment whose emergency switch is thrown", async () => {
    await bench.atRest("switched");
    await bench.run("set", "image", "deployment/switched", "app=shop/app:v2");
    await bench.run("annotate", "deployment/switched", `${holdAnnotation}=off`);
    await bench.run("rollout", "resume", "deployment/switched");
    await bench.run("set", "image", "deployment/switched", "app=shop/app:v3");
    expect(await bench.isPaused("switched")).toBe(false);
  });

  test("can compare templates of hundreds of kilobytes", async () => {
    const env = Array.from({ length: 2_000 }, (_, index) => ({ name: `VARIABLE_${index}`, value: "v".repeat(100) }));
    const manifest = deploymentOf(
      "large",
      { replicas: 1 },
      { containers: [{ name: "app", image: "shop/app:v1", env }] },
    );
    const labels = { [rolloutLabel]: "large" };
    await bench.kubectl(["create", "-f", "-"], { ...manifest, metadata: { name: "large", labels } });
    await bench.run("set", "image", "deployment/large", "app=shop/app:v2");
    expect(await bench.isPaused("large")).toBe(true);
  });

  describe("while no operator answers", () => {
    beforeAll(() => webhook.close());

    test("refuses a change of the template in words that name the webhook, and stores nothing", async () => {
      await bench.atRest("refused");
      const { code, stderr } = await bench.kubectl(["set", "image", "deployment/refused", "app=shop/app:v2"]);
      expect({ code, stderr }).toMatchObject({ code: 1 });
      expect(stderr).toContain('failed calling webhook "hold.serin.dev"');
      expect(JSON.stringify(await bench.read("refused"))).toContain("shop/app:v1");
    });

    test.each(harmlessChanges)("lets $by through", async ({ by, run }) => {
      const manifest = await bench.atRest(`down-${idOf(by)}`);
      const { code, stderr } = await run(bench, manifest);
      expect({ code, stderr }).toMatchObject({ code: 0 });
    });

    test("lets a Deployment change whose emergency switch is thrown", async () => {
      await bench.atRest("emergency");
      await bench.run("annotate", "deployment/emergency", `${holdAnnotation}=off`);
      await bench.run("set", "image", "deployment/emergency", "app=shop/app:v2");
      expect(await bench.isPaused("emergency")).toBe(false);
    });

    test("is not counted on", async () => {
      const hold = await choose();
      expect(hold).toMatchObject({ hold: "Paused" });
      expect(hold.reason).toContain("a trial of the webhook was not answered");
    });
  });
});

describe("a Deployment that is kept paused, on Kubernetes 1.34", () => {
  let bench: HoldBench;

  beforeAll(async () => {
    bench = await benchOf("hold-paused");
  });

  afterAll(() => bench.stop());

  /** What a full replace unpauses, the operator finds rolled out; kubectl itself refuses the others. */
  const unpausing = (by: string) => by.startsWith("replace") || by.includes("paused: false");
  const refused = (by: string) => by.startsWith("rollout");
  const titled = (matches: (change: Change) => boolean) => templateChanges.filter(matches);

  test.each(titled(({ by }) => !unpausing(by) && !refused(by)))("stays paused after $by", async ({ by, run }) => {
    const manifest = await bench.atRest(idOf(by), { paused: true });
    expect((await run(bench, manifest)).code).toBe(0);
    expect(await bench.isPaused(manifest.metadata.name)).toBe(true);
  });

  test.each(titled(({ by }) => unpausing(by)))("is unpaused by $by, which this hold cannot prevent", async (change) => {
    const manifest = await bench.atRest(idOf(change.by), { paused: true });
    expect((await change.run(bench, manifest)).code).toBe(0);
    expect(await bench.isPaused(manifest.metadata.name)).toBe(false);
  });

  test.each(titled(({ by }) => refused(by)))("is refused $by by kubectl", async ({ by, run }) => {
    const manifest = await bench.atRest(idOf(by), { paused: true });
    const { code, stderr } = await run(bench, manifest);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toContain("paused");
  });

  test.each(harmlessChanges)("lets $by through", async ({ by, run }) => {
    const manifest = await bench.atRest(idOf(by), { paused: true });
    expect((await run(bench, manifest)).code).toBe(0);
    expect(await bench.isPaused(manifest.metadata.name)).toBe(true);
  });
});

test("the Secret, the Service and the port of deploy/operator-older.yaml are those that the operator uses", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../deploy/operator-older.yaml"), "utf8");
  for (const [kind, name] of [
    ["Secret", webhookSecret],
    ["Service", webhookService],
  ])
    expect(text).toMatch(new RegExp(`^kind: ${kind}\\nmetadata:\\n  name: ${name}$`, "m"));
  expect(text).toContain(`resourceNames: [${webhookSecret}]`);
  expect(text).toContain("containerPort: 9443");
});
