import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { deployment, manifest, service } from "../lab/app.ts";
import type { Helm } from "../lab/helm.ts";
import { openCase, type Bench, type Case } from "../workload/bench.ts";
import { isPaused, pausedHalfway } from "../workload/hands.ts";
import { expectAsInGit, inGit, referencing, told } from "./referenced.ts";

/** The app as a chart: its Deployment, Service and Istio objects, with the image and a remark as values. */
interface Chart {
  /** Rejects with Helm's own words. */
  upgrade(values: Readonly<Record<string, string>>, ...flags: readonly string[]): Promise<void>;
}

const spec = { ...referencing, ...pausedHalfway };

const untilPaused = (shop: Case) => shop.untilRollout("the pause", isPaused);

/** People who install the app with Helm, and upgrade it while a release is under way. */
export function helmCases(bench: () => Bench, helm: () => Helm): void {
  test("helm upgrade --force-conflicts in mid-release: corrected, told, promoted; as in the chart at the end", async () => {
    const { shop, chart } = await openChart(bench(), helm(), "helm-force");
    await chart.upgrade({ image: "product:v2" }, "--force-conflicts");
    await untilPaused(shop);
    await chart.upgrade({ image: "product:v2", remark: "another" }, "--force-conflicts");
    const corrected = async () => (await told(bench().lab, shop.namespace, "WeightsCorrected")).join("\n");
    await until(async () => (await corrected()).includes("helm"), { timeout: 30_000, what: "the correction" });
    await shop.ask("promote");
    await shop.endsAs("product:v2", { outcome: "Promoted", number: 1 });
    await expectAsInGit(bench().lab, shop.namespace);
    await shop.end();
  });

  test("helm upgrade without force in mid-release is refused by the API server, and goes through after it", async () => {
    const { shop, chart } = await openChart(bench(), helm(), "helm-plain");
    await chart.upgrade({ image: "product:v2" }, "--force-conflicts");
    await untilPaused(shop);
    await expect(chart.upgrade({ image: "product:v2", remark: "another" })).rejects.toThrow(/conflict.*serin/s);
    expect(await told(bench().lab, shop.namespace, "WeightsCorrected")).toEqual([]);
    await shop.ask("promote");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await chart.upgrade({ image: "product:v2", remark: "another" });
    await expectAsInGit(bench().lab, shop.namespace);
    await shop.end();
  });
}

async function openChart(bench: Bench, helm: Helm, namespace: string): Promise<{ shop: Case; chart: Chart }> {
  const chart = chartOf(bench, helm, namespace);
  const before = () => chart.upgrade({ image: "product:v1" }, "--take-ownership", "--force-conflicts");
  return { shop: await openCase(bench, namespace, { spec, before }), chart };
}

function chartOf({ lab }: Bench, helm: Helm, namespace: string): Chart {
  const folder = join(lab.cluster.runFolder, `chart-${namespace}`);
  mkdirSync(join(folder, "templates"), { recursive: true });
  const remark = { metadata: { annotations: { "example.com/remark": "{{ .Values.remark }}" } } };
  const objects = [
    service({ namespace }),
    deployment({ namespace, image: "{{ .Values.image }}" }),
    ...inGit(namespace).map((object) => ({ ...object, metadata: { ...object.metadata, ...remark.metadata } })),
  ];
  writeFileSync(join(folder, "Chart.yaml"), stringify({ apiVersion: "v2", name: "shop", version: "1.0.0" }));
  writeFileSync(join(folder, "values.yaml"), stringify({ image: "product:v1", remark: "first" }));
  writeFileSync(join(folder, "templates", "all.yaml"), manifest(...objects));
  return {
    async upgrade(values, ...flags) {
      const set = Object.entries(values).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
      await helm("upgrade", "shop", folder, "--install", "--namespace", namespace, ...set, ...flags);
    },
  };
}
