import { stripTypeScriptTypes } from "node:module";
import { describe, expect, test } from "vitest";
import { readText, repositoryFiles } from "./repository.ts";

const inTheCommands = "test/integration/cli/commands.test.ts";
const inAReconcile = "test/unit/controller/reconcile.test.ts";
const onTheCluster = "test/integration/workload/canary.test.ts";
const inAnAdoption = "test/integration/workload/adoption.test.ts";
const withoutAnOperator = "test/workload/leaving-outages.test.ts";
const underTraffic = "test/releases/releases.test.ts";

/** Files with logic that no unit test of their own covers, and the test that does. */
const testedElsewhere: Readonly<Record<string, string>> = {
  "src/adapters/istio/callers.ts": "test/unit/adapters/istio/traffic-view.test.ts",
  "src/adapters/istio/mesh-resources.ts": "test/unit/adapters/istio/traffic-view.test.ts",
  "src/adapters/istio/rehearsal.ts": "test/unit/adapters/istio/istio-router.test.ts",
  "src/adapters/istio/subset-original.ts": "test/unit/adapters/istio/subset-router.test.ts",
  "src/adapters/istio/subset-splittable.ts": "test/unit/adapters/istio/subset-traffic.test.ts",
  "src/adapters/kubernetes/canary-pods.ts": onTheCluster,
  "src/adapters/kubernetes/canary-replica-set.ts": onTheCluster,
  "src/adapters/kubernetes/credentials.ts": "test/unit/adapters/kubernetes/transport.test.ts",
  "src/adapters/kubernetes/hold-choice.ts": "test/integration/workload/hold-policy.test.ts",
  "src/adapters/kubernetes/hold-keeper.ts": "test/integration/workload/hold-keeper.test.ts",
  "src/adapters/kubernetes/hold-policy.ts": "test/integration/workload/hold-policy.test.ts",
  "src/adapters/kubernetes/hold-trial.ts": "test/integration/workload/hold-policy.test.ts",
  "src/adapters/kubernetes/workload-adoption.ts": inAnAdoption,
  "src/adapters/kubernetes/workload-hold.ts": onTheCluster,
  "src/adapters/kubernetes/workload-write.ts": onTheCluster,
  "src/adapters/prometheus/answer-table.ts": "test/unit/adapters/prometheus/parser.test.ts",
  "src/adapters/prometheus/parse-worker.ts": "test/unit/adapters/prometheus/parser.test.ts",
  "src/adapters/prometheus/pod-ticks.ts": "test/unit/adapters/prometheus/pod-counts.test.ts",
  "src/adapters/istio/outlier-writes.ts": "test/unit/adapters/istio/istio-router.test.ts",
  "src/api/analysis-status.ts": "test/integration/api/crd.test.ts",
  "src/api/metric-spec.ts": "test/integration/api/crd.test.ts",
  "src/api/spec-fields.ts": "test/unit/api/rollout-spec.test.ts",
  "src/api/status-fields.ts": "test/integration/api/crd.test.ts",
  "src/cli/command-error.ts": "test/unit/cli/run-command.test.ts",
  "src/cli/commands/check.ts": inTheCommands,
  "src/cli/commands/plan.ts": inTheCommands,
  "src/cli/commands/request.ts": inTheCommands,
  "src/cli/commands/show.ts": inTheCommands,
  "src/cli/commands/status.ts": inTheCommands,
  "src/cli/connection.ts": inTheCommands,
  "src/cli/rollout-lookup.ts": inTheCommands,
  "src/cli/rollout-view.ts": inTheCommands,
  "src/cli/system.ts": "test/unit/cli/program.test.ts",
  "src/controller/deliver-events.ts": inAReconcile,
  "src/controller/release-metrics.ts": withoutAnOperator,
  "src/controller/store-decision.ts": inAReconcile,
  "src/dependencies.ts": underTraffic,
  "src/domain/analysis/criteria.ts": "test/unit/domain/analysis/judge.test.ts",
  "src/domain/analysis/sentence.ts": "test/unit/domain/analysis/judge.test.ts",
  "src/domain/observation.ts": "test/unit/controller/observe.test.ts",
  "src/domain/outliers/words.ts": "test/unit/domain/outliers/tuning.test.ts",
  "src/domain/replica-sets.ts": "test/unit/domain/rules/preparation.test.ts",
  "src/domain/rules/canary.ts": "test/unit/domain/rules/preparation.test.ts",
  "src/domain/rules/hand-back.ts": "test/unit/domain/rules/promotion.test.ts",
  "src/domain/rules/under-way.ts": "test/unit/domain/rules/progress.test.ts",
  "src/hold.ts": "test/integration/workload/hold-older.test.ts",
  "src/main.ts": underTraffic,
  "src/operator.ts": underTraffic,
  "src/release-by-force.ts": withoutAnOperator,
  "src/release-connection.ts": withoutAnOperator,
};

const files = repositoryFiles();
const sources = files.filter((path) => /^src\/.*\.ts$/.test(path));
const unitTests = files.filter((path) => /^test\/unit\/.*\.test\.ts$/.test(path));

const testOf = (source: string) => source.replace(/^src\//, "test/unit/").replace(/\.ts$/, ".test.ts");

/** `judge.simulation.test.ts` is one more test of `judge.ts`. */
const withoutAspect = (unitTest: string) => unitTest.replace(/\.[a-z-]+\.test\.ts$/, ".test.ts");

/** Types and constants alone cannot go wrong in a way that a unit test would find. */
function hasLogic(source: string): boolean {
  const code = stripTypeScriptTypes(readText(source)).replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
  return /=>|\bfunction\b|\bclass\b/.test(code);
}

describe("unit tests mirror the source", () => {
  const untested = sources.filter((source) => hasLogic(source) && !unitTests.includes(testOf(source)));

  test("every file with logic has its test, or is listed here with the one that covers it", () => {
    expect(untested.filter((source) => testedElsewhere[source] === undefined)).toEqual([]);
  });

  test("what is listed has no unit test, and the test that is named exists", () => {
    for (const [source, cover] of Object.entries(testedElsewhere)) {
      expect(untested).toContain(source);
      expect(files).toContain(cover);
    }
  });

  test("every unit test is beside what it tests", () => {
    // The local cluster, the lab, the demo, the benches and the scripts have unit tests too, under their own names.
    const ours = unitTests.filter((path) => !/^test\/unit\/(bench|cluster|demo|lab|scripts)\//.test(path));
    const expected = new Set(sources.map(testOf));
    expect(ours.filter((path) => !expected.has(path) && !expected.has(withoutAspect(path)))).toEqual([]);
  });
});
