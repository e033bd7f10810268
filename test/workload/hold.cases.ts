import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { manifest, deployment } from "../lab/app.ts";
import { openCase, type Bench, type Case } from "./bench.ts";

/** How changes come into a Deployment, and what becomes of them while an operator runs. The policy holds here. */
export function holdCases(bench: () => Bench): void {
  const kubectl = (namespace: string, ...args: string[]) => bench().lab.kubectl([...args, "-n", namespace]);

  /** Waits until so many releases have ended, and says how the last one did. */
  async function ended(shop: Case, count: number) {
    const { status } = await shop.untilRollout(
      `the end of release ${count}`,
      ({ status }) => status.release === undefined && (status.history?.length ?? 0) === count,
    );
    return status.history?.[0]?.outcome;
  }

  test("set image, rollout restart and rollout undo are held and end in a release each", async () => {
    const namespace = "held-kubectl";
    const shop = await openCase(bench(), namespace);
    expect((await shop.rollout()).status.hold).toBe("Policy");
    const commands = [
      ["set", "image", "deployment/product", "app=product:v2"],
      ["rollout", "restart", "deployment/product"],
      ["rollout", "undo", "deployment/product"],
    ];
    for (const [index, command] of commands.entries()) {
      await kubectl(namespace, ...command);
      expect(await ended(shop, index + 1)).toBe("Promoted");
    }
    await kubectl(namespace, "rollout", "status", "deployment/product", "--timeout=30s");
    await shop.end();
  });

  test("kubectl replace and a client-side apply that says paused: false are held and end in a release each", async () => {
    const namespace = "held-files";
    const shop = await openCase(bench(), namespace);
    const { lab } = bench();
    const file = (image: string, spec: object = {}) => {
      const object = deployment({ namespace, image }) as { readonly spec: object };
      return manifest({ ...object, spec: { ...object.spec, ...spec } });
    };
    await lab.kubectl(["replace", "-f", "-"], file("product:v2"));
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await lab.kubectl(["apply", "-f", "-"], file("product:v3", { paused: false }));
    // Applied again and again, as a GitOps controller does: the hold stays.
    const again = setInterval(() => void lab.kubectl(["apply", "-f", "-"], file("product:v3", { paused: false })), 500);
    try {
      await shop.endsAs("product:v3", { outcome: "Promoted" });
    } finally {
      clearInterval(again);
    }
    await shop.end();
  });

  test("kubectl rollout resume does not let a held revision out", async () => {
    const namespace = "held-resumed";
    const shop = await openCase(bench(), namespace, {
      spec: { steps: [{ weight: 10 }, { pause: {} }, { weight: 100 }] },
    });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    await kubectl(namespace, "rollout", "resume", "deployment/product");
    expect((await shop.deployment()).spec["paused"]).toBe(true);
    expect((await shop.pods()).length).toBe(4);
    await shop.end();
  });

  test("the label taken off comes back and is told, with a change of the template too", async () => {
    const namespace = "label-off";
    const shop = await openCase(bench(), namespace);
    const labelled = () =>
      until(async () => (await shop.deployment()).metadata.labels?.["serin.dev/rollout"] === "product", {
        timeout: 30_000,
        what: "the label",
      });
    // Right after the Rollout came to rest a label that is missing is no news: it is taken off until it is told.
    const isTold = async () => {
      await kubectl(namespace, "label", "deployment/product", "serin.dev/rollout-");
      await labelled();
      return (await shop.events()).includes("HoldRestored");
    };
    await until(isTold, { timeout: 60_000, every: 500, what: "HoldRestored" });
    const containers = [{ name: "app", image: "product:v2" }];
    const both = { metadata: { labels: { "serin.dev/rollout": null } }, spec: { template: { spec: { containers } } } };
    await kubectl(namespace, "patch", "deployment/product", "-p", JSON.stringify(both));
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await labelled();
    await shop.end();
  });

  test("the emergency switch lets a change roll out at once, is told, and what runs then is stable", async () => {
    const namespace = "switched-off";
    const shop = await openCase(bench(), namespace);
    await kubectl(namespace, "annotate", "deployment/product", "serin.dev/hold=off");
    await shop.untilRollout("HoldOff", ({ status }) => status.hold === "Off");
    await shop.release("product:v2");
    await kubectl(namespace, "rollout", "status", "deployment/product", "--timeout=60s");
    await kubectl(namespace, "annotate", "deployment/product", "serin.dev/hold-");
    const at = await shop.untilRollout(
      "a stable v2",
      ({ status }) => status.stable?.image === "product:v2" && status.phase === "Ready",
    );
    expect(at.status.hold).toBe("Policy");
    expect(at.status.history ?? []).toEqual([]);
    expect(await shop.events()).toContain("HoldOff");
    await shop.release("product:v3");
    await shop.endsAs("product:v3", { outcome: "Promoted" });
    await shop.end();
  });
}
