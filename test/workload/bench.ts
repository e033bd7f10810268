import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { CallCounts } from "../cluster/load/counts.ts";
import { watchCapacity, type Capacity } from "../lab/capacity.ts";
import { startLab, type Lab, type Operator } from "../lab/lab.ts";
import { openShop, type Shop, type ShopOptions } from "../lab/shop.ts";

/** What all cases of a file share: one lab with one operator. */
export interface Bench {
  readonly lab: Lab;
  readonly operator: Operator;
}

/** How the operator of the workload cases is started. */
export const operatorFlags = { "evidence-period": "2s", "rollback-deadline": "10s" };

/**
 * Steps that pass without waiting for a verdict: these cases are about the workload. Whether requests fail is seen by
 * the load, which counts every one.
 */
export const brisk = {
  steps: [{ weight: 50 }, { weight: 100 }],
  bake: "1s",
  analysis: { minStepDuration: "1s", maxStepDuration: "2s", onInsufficientTraffic: "promote" },
};

export interface Case extends Shop {
  readonly capacity: Capacity;
  /**
   * Ends the load and gives the namespace up. No request failed or was lost but those that `failing` versions answered,
   * and capacity never fell below `capacity` of what was needed (1 unless the case itself takes pods away). Where the
   * case takes the last pod of a version away, `lost` says how many requests may have found none.
   */
  end(expected?: {
    readonly failing?: readonly string[];
    readonly capacity?: number;
    readonly lost?: number;
  }): Promise<void>;
}

/** Starts a lab with one operator. */
export async function startBench(
  flags: Readonly<Record<string, string>> = operatorFlags,
  mesh: Parameters<typeof startLab>[1] = {},
): Promise<Bench> {
  const lab = await startLab({ prometheusScrapeInterval: "1s" }, mesh);
  return { lab, operator: await lab.startOperator(flags) };
}

const opened = new Set<string>();

/** Opens a case: an app under load in a namespace of its own, its Rollout at rest, its capacity followed. */
export async function openCase(bench: Bench, namespace: string, options: ShopOptions = {}): Promise<Case> {
  const { lab } = bench;
  // Two cases in one namespace would disturb each other in ways that are hard to see.
  if (opened.has(namespace)) throw new Error(`namespace ${namespace} belongs to another case`);
  opened.add(namespace);
  const shop = await openShop(lab, namespace, { rate: 20, ...options, spec: { ...brisk, ...options.spec } });
  const capacity = watchCapacity(lab.cluster, namespace);
  return {
    ...shop,
    capacity,
    async end({ failing = [], capacity: least = 1, lost = 0 } = {}) {
      const counts = await shop.load.stop();
      await capacity.stop();
      const lowest = capacity.lowest();
      // Proxies have room for some dozens of hosts: what is done with goes.
      await lab.kubectl(["delete", "namespace", namespace, "--wait=false"]);
      const failed = unexplained(counts, failing);
      const seen =
        failed === 0
          ? ""
          : JSON.stringify([
              ...lab.cluster.supervisor.fallen(),
              counts.failures,
              lab.failedCalls(namespace),
              diary(bench, namespace),
            ]);
      expect(failed, `requests that failed in ${namespace}: ${seen}`).toBeLessThanOrEqual(lost);
      expect(lowest.ratio, `lowest capacity in ${namespace}: ${lowest.at}`).toBeGreaterThanOrEqual(least);
    },
  };
}

/** What the operator did in a namespace, and what troubled the mesh meanwhile. */
function diary({ lab, operator }: Bench, namespace: string): readonly string[] {
  const lines = (path: string) => readFileSync(path, "utf8").split("\n");
  const acted = lines(operator.process.log).filter((line) => line.includes(namespace));
  return [...acted.slice(-30), ...lines(lab.world.log).slice(-10)];
}

/** Failed requests that none of these versions answered. */
function unexplained({ failed, byVersion }: CallCounts, failing: readonly string[]): number {
  return failing.reduce((rest, version) => rest - (byVersion[version]?.failed ?? 0), failed);
}
