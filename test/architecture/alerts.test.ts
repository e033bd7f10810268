import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { metricCatalogue } from "../../src/metric-catalogue.ts";
import { metricsIn, seriesNames } from "../support/promql.ts";
import { readText } from "./repository.ts";

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Alert[] }[];
}

interface TestFile {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
  }[];
}

const names = ["serin", "mesh"] as const;
const alertsIn = (name: string) =>
  (parse(readText(`charts/serin/alerts/${name}.yaml`)) as RuleFile).groups.flatMap(({ rules }) => rules);
const alerts = names.flatMap(alertsIn);

const anchors = new Set(
  [...readText("docs/alerts.md").matchAll(/^#+ (.+)$/gm)].map(
    ([, heading = ""]) => `docs/alerts.md#${heading.toLowerCase()}`,
  ),
);
const ours = new Set(metricCatalogue.flatMap(({ metrics }) => metrics.flatMap(seriesNames)));

describe.each(alerts)("alert $alert", ({ alert, expr, labels, annotations }) => {
  test("says how bad it is, what happened, and where to read on", () => {
    expect(Object.keys(labels)).toEqual(["severity"]);
    expect(labels["severity"]).toMatch(/^(warning|critical)$/);
    expect(Object.keys(annotations).sort()).toEqual(["description", "runbook", "summary"]);
    expect(annotations["description"]).toMatch(/\.$/);
    expect(annotations["summary"]).not.toMatch(/\.$/);
    expect(annotations["runbook"]).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
    expect(anchors).toContain(annotations["runbook"]);
  });

  test("reads metrics of ours that exist", () => {
    const read = metricsIn(expr).filter((name) => name.startsWith("serin_"));
    expect(read.filter((name) => !ours.has(name))).toEqual([]);
    expect(read.length > 0).toBe(alert.startsWith("Serin"));
  });
});

describe.each(names)("the alerts of %s.yaml", (name) => {
  const path = `test/integration/prometheus/alerts/${name}.test.yaml`;
  const cases = (parse(readText(path)) as TestFile).tests.flatMap((one) => one.alert_rule_test);
  const own = alertsIn(name).map(({ alert }) => alert);
  const tested = (isFiring: boolean) =>
    new Set(cases.filter(({ exp_alerts: fired }) => fired.length > 0 === isFiring).map(({ alertname }) => alertname));

  test("each have a case that fires them, and one that does not", () => {
    expect([...tested(true)].sort()).toEqual([...own].sort());
    expect([...tested(false)].sort()).toEqual([...own].sort());
  });

  test("have names of their own", () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });
});
