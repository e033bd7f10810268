import type { Metrics } from "../../src/runtime/metrics.ts";

/** The samples of one Rollout: by the metric's name, and the values of its other labels where it has any. */
export async function samplesOf(metrics: Metrics, rollout = "product"): Promise<Record<string, number>> {
  const lines = (await metrics.render()).split("\n").filter((line) => line.includes(`rollout="${rollout}"`));
  return Object.fromEntries(
    lines.map((line) => {
      const metric = line.slice(0, line.indexOf("{"));
      const others = [...line.matchAll(/(\w+)="([^"]*)"/g)].filter(
        ([, name]) => name !== "namespace" && name !== "rollout",
      );
      return [[metric, ...others.map(([, , value]) => value)].join(" "), Number(line.split(" ").at(-1))];
    }),
  );
}
