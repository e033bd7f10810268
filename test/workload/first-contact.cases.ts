import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { manifest, rollout } from "../lab/app.ts";
import { openCase, type Bench, type Case } from "./bench.ts";

/** What a Rollout does with a Deployment that it meets for the first time, and what people do to one at rest. */
export function firstContactCases(bench: () => Bench): void {
  const kubectl = (namespace: string, ...args: string[]) => bench().lab.kubectl([...args, "-n", namespace]);
  const unpaused = (shop: Case) =>
    until(async () => (await shop.deployment()).spec["paused"] !== true, { timeout: 30_000, what: "no pause" });

  test("first contact with a new Deployment waits for its first available pod", async () => {
    const shop = await openCase(bench(), "new", {
      app: { environment: { START_SECONDS: "4" } },
      unrolled: true,
      beforeLoad: async ({ untilRollout }) => {
        const waiting = await untilRollout("Waiting", ({ status }) => status.phase === "Waiting");
        expect(waiting.status.message).toContain("at least one of them available");
        await untilRollout("Ready", ({ status }) => status.phase === "Ready");
        await kubectl("new", "rollout", "status", "deployment/product", "--timeout=60s");
      },
    });
    await shop.release("product:v2", { START_SECONDS: "1" });
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.end();
  });

  test("first contact with a Deployment in mid-roll waits until one revision runs; that one is stable", async () => {
    const namespace = "mid-roll";
    const shop = await openCase(bench(), namespace, {
      app: { image: "product:v0", environment: { VERSION: "v1" } },
      before: async () => {
        await kubectl(namespace, "set", "env", "deployment/product", "START_SECONDS=2");
      },
      beforeLoad: async ({ untilRollout }) => {
        await untilRollout("Waiting", ({ status }) => status.phase === "Waiting");
        await untilRollout("Ready", ({ status }) => status.phase === "Ready");
      },
    });
    const [hash] = new Set((await shop.pods()).map((pod) => pod.split("-")[1]));
    expect((await shop.rollout()).status.stable?.podTemplateHash).toBe(hash);
    expect((await shop.rollout()).status.releases ?? 0).toBe(0);
    await shop.end();
  });

  test("first contact with a Deployment that its owner paused: what runs is stable, and the pause ends", async () => {
    const namespace = "owner-paused";
    const shop = await openCase(bench(), namespace, {
      before: async () => {
        await kubectl(namespace, "rollout", "pause", "deployment/product");
      },
    });
    await unpaused(shop);
    await shop.release("product:v2");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.end();
  });

  test("first contact with a paused Deployment whose template waits: it is released like a held one", async () => {
    const namespace = "owner-waits";
    const shop = await openCase(bench(), namespace, {
      unready: true,
      before: async () => {
        await kubectl(namespace, "rollout", "pause", "deployment/product");
        await kubectl(namespace, "set", "image", "deployment/product", "app=product:v2");
      },
      spec: { steps: [{ weight: 50 }, { pause: {} }, { weight: 100 }] },
    });
    const paused = await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    expect(paused.status).toMatchObject({ stable: { image: "product:v1" }, canary: { image: "product:v2" } });
    await shop.ask("promote");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.end();
  });

  test("first contact with a Deployment that was paused before it ever ran says how to begin", async () => {
    const namespace = "never-ran";
    const shop = await openCase(bench(), namespace, {
      app: { paused: true },
      unrolled: true,
      beforeLoad: async ({ untilRollout }) => {
        const waiting = await untilRollout("Waiting", ({ status }) => status.phase === "Waiting");
        expect(waiting.status.message).toContain("kubectl rollout resume deployment/product");
        await kubectl(namespace, "rollout", "resume", "deployment/product");
        await kubectl(namespace, "rollout", "status", "deployment/product", "--timeout=60s");
      },
    });
    await shop.end();
  });

  test("first contact with a Deployment that is scaled to zero: its template is stable, and the next one is released", async () => {
    const namespace = "born-at-zero";
    const shop = await openCase(bench(), namespace, {
      app: { replicas: 0 },
      beforeLoad: async ({ untilRollout }) => {
        const { status } = await untilRollout("Ready", ({ status: { phase } }) => phase === "Ready");
        expect(status.stable?.image).toBe("product:v1");
        await kubectl(namespace, "scale", "deployment/product", "--replicas=2");
        await kubectl(namespace, "rollout", "status", "deployment/product", "--timeout=60s");
      },
    });
    await kubectl(namespace, "set", "image", "deployment/product", "app=product:v2");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.end();
  });

  test("first contact with a Deployment that another Rollout has is refused, until that Rollout goes", async () => {
    const namespace = "claimed";
    const shop = await openCase(bench(), namespace);
    const second = { ...rollout({ namespace }), metadata: { name: "second", namespace } };
    await bench().lab.apply(manifest(second));
    const message = () => kubectl(namespace, "get", "srn", "second", "-o", "jsonpath={.status.message}");
    await until(async () => (await message()).includes("already belongs to Rollout product"), {
      timeout: 30_000,
      what: "the refusal",
    });
    expect((await shop.rollout()).status.phase).toBe("Ready");
    await kubectl(namespace, "delete", "srn", "product", "--timeout=60s");
    await kubectl(namespace, "wait", "--for=condition=Ready", "srn/second", "--timeout=60s");
    await shop.end();
  });

  test("a Rollout without its Deployment says so, and begins when it is there", async () => {
    const namespace = "early";
    const { lab } = bench();
    await lab.kubectl(["create", "namespace", namespace]);
    await lab.apply(manifest(rollout({ namespace })));
    await kubectl(
      namespace,
      "wait",
      "--for=jsonpath={.status.conditions[?(@.type=='Stalled')].reason}=WorkloadNotFound",
      "srn/product",
      "--timeout=30s",
    );
    const shop = await openCase(bench(), namespace);
    await shop.end();
  });

  test("a Deployment that is paused at rest is unpaused, and told how to keep releases from starting", async () => {
    const namespace = "rest-paused";
    const shop = await openCase(bench(), namespace);
    await kubectl(namespace, "rollout", "pause", "deployment/product");
    await unpaused(shop);
    await until(async () => (await shop.events()).includes("Unpaused"), { timeout: 10_000, what: "the event" });
    await shop.end();
  });

  test("a Deployment that is unpaused past the hold in mid-release is paused again, and stable gets its pods back", async () => {
    const namespace = "bypassed";
    const shop = await openCase(bench(), namespace, {
      app: { replicas: 4 },
      spec: { steps: [{ weight: 50 }, { pause: {} }, { weight: 100 }] },
    });
    // Pods that are ready at once would have replaced stable before anybody can pause the Deployment.
    await shop.release("product:v2", { START_SECONDS: "3" });
    await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    const { metadata } = await shop.deployment();
    const token = { "serin.dev/unpause-generation": String(metadata.generation) };
    const patch = { metadata: { annotations: token }, spec: { paused: false } };
    await kubectl(namespace, "patch", "deployment", "product", "--type=merge", "-p", JSON.stringify(patch));
    await until(async () => (await shop.events()).includes("HoldRestored"), { timeout: 20_000, what: "the event" });
    const stable = async () => (await shop.pods()).filter((pod) => !pod.startsWith("product-a-")).length;
    await until(async () => (await stable()) === 4, { timeout: 60_000, what: "four pods of stable" });
    await shop.ask("promote");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    // The Deployment itself takes stable pods away while it rolls: a quarter of them at most.
    await shop.end({ capacity: 0.75 });
  });

  test("the hold switched off in mid-release: traffic goes back, what is held waits for kubectl rollout resume", async () => {
    const namespace = "switched-mid-release";
    const shop = await openCase(bench(), namespace, {
      spec: { steps: [{ weight: 50 }, { pause: {} }, { weight: 100 }] },
    });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    await kubectl(namespace, "annotate", "deployment", "product", "serin.dev/hold=off");
    const off = await shop.untilRollout("HoldOff", ({ status }) => status.phase === "HoldOff");
    expect(off.status).toMatchObject({ hold: "Off", history: [{ reason: "HoldOff" }] });
    expect(off.status.message).toContain("kubectl rollout resume deployment/product");
    expect((await shop.deployment()).spec["paused"]).toBe(true);
    await kubectl(namespace, "rollout", "resume", "deployment/product");
    await shop.untilRollout("v2 as stable", ({ status }) => status.stable?.image === "product:v2");
    expect(await shop.events()).toEqual(expect.arrayContaining(["HoldOff", "FirstRevision"]));
    await kubectl(namespace, "annotate", "deployment", "product", "serin.dev/hold-");
    await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready" && status.hold !== "Off");
    await shop.release("product:v3");
    await shop.untilRollout("a release", ({ status }) => status.canary?.image === "product:v3");
    // A rolling update of its own, as everybody knows it: maxUnavailable 25 % of 3 is none.
    await shop.end();
  });
}
