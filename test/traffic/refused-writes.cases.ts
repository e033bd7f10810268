import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { openCase, type Bench, type Case } from "../workload/bench.ts";
import { isPaused, pausedHalfway } from "../workload/hands.ts";
import { told } from "./referenced.ts";

/** Istio's own webhook while istiod is down: every write of its objects is refused, in one namespace here. */
async function istiodAway({ lab }: Bench, namespace: string): Promise<{ back(): Promise<void> }> {
  const name = `istiod-away-${namespace}`;
  const webhook = {
    name: "validation.istio.io",
    // Nobody listens there, as nobody does while istiod is down.
    clientConfig: { url: "https://127.0.0.1:9/validate" },
    rules: [
      {
        apiGroups: ["networking.istio.io"],
        apiVersions: ["*"],
        operations: ["CREATE", "UPDATE"],
        resources: ["*"],
      },
    ],
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
    failurePolicy: "Fail",
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    timeoutSeconds: 2,
  };
  const configuration = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name },
    webhooks: [webhook],
  };
  await lab.kubectl(["apply", "-f", "-"], JSON.stringify(configuration));
  const isRefused = () =>
    lab
      .kubectl(["annotate", "virtualservice", "product", "-n", namespace, "--overwrite", "probe=x", "--dry-run=server"])
      .then(
        () => false,
        () => true,
      );
  await until(isRefused, { timeout: 30_000, what: "the refusal of a write" });
  return {
    async back() {
      await lab.kubectl(["delete", "validatingwebhookconfiguration", name]);
    },
  };
}

/** What people are told of a rollback that cannot be written. */
const blocked = ({ lab }: Bench, { namespace }: Case) =>
  until(async () => (await told(lab, namespace, "RollbackBlocked")).at(-1) ?? false, {
    timeout: 60_000,
    what: "RollbackBlocked",
  });

/** istiod is away: nothing begins, nothing is lost, and the way back is taken as soon as there is one. */
export function refusedWriteCases(bench: () => Bench): void {
  test("while istiod's webhook does not answer, no release begins; it does when istiod is back", async () => {
    const shop = await openCase(bench(), "away-start");
    const istiod = await istiodAway(bench(), shop.namespace);
    await shop.release("product:v2");
    const { status } = await shop.untilRollout("the refusal", ({ status: { message = "" } }) =>
      message.includes("validation.istio.io"),
    );
    expect(status.weight ?? 0).toBe(0);
    expect((await shop.pods()).every((pod) => !pod.startsWith("product-a-"))).toBe(true);
    await istiod.back();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.end();
  });

  test("a rollback that istiod's webhook refuses is told, and done when istiod is back", async () => {
    const shop = await openCase(bench(), "away-back", { spec: pausedHalfway });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const istiod = await istiodAway(bench(), shop.namespace);
    await shop.ask("abort");
    const note = await blocked(bench(), shop);
    expect(note).toContain("validation.istio.io");
    await istiod.back();
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "Aborted" });
    // A good version that people gave up: nobody fails, however long the way back takes.
    await shop.end();
  });

  test("a version that fails half of its requests is stopped where its routes cannot be written", async () => {
    const shop = await openCase(bench(), "away-lever", { spec: pausedHalfway, rate: 40 });
    await shop.release("product:v2", { ERROR_RATE: "0" });
    await shop.untilRollout("the pause", isPaused);
    const { lab } = bench();
    const istiod = await istiodAway(bench(), shop.namespace);
    await lab.world.pods.set({ namespace: shop.namespace, workload: "product-a" }, { ERROR_RATE: "1" });
    expect(await blocked(bench(), shop)).toContain("kubectl");
    await until(async () => (await told(lab, shop.namespace, "CanaryStopped")).length > 0, {
      timeout: 90_000,
      what: "the second lever",
    });
    await until(async () => (await shop.pods()).every((pod) => !pod.startsWith("product-a-")), {
      timeout: 30_000,
      what: "the canary pods to go",
    });
    await istiod.back();
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "ErrorRateTooHigh" });
    // Half of the requests find no pods from the lever on until istiod is back, as half of them failed before.
    await shop.end({ failing: ["v2", "none"], capacity: 0 });
  });

  test("a release that is promoted while istiod is away ends when it is back", async () => {
    const shop = await openCase(bench(), "away-forward", { spec: pausedHalfway });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const istiod = await istiodAway(bench(), shop.namespace);
    await shop.ask("promote");
    const { status } = await shop.untilRollout("the refusal", ({ status: { message = "" } }) =>
      message.includes("validation.istio.io"),
    );
    expect(status.phase).not.toBe("RollingBack");
    await istiod.back();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.end();
  });
}
