import { describe, expect, test } from "vitest";
import { metricCatalogue } from "../../src/metric-catalogue.ts";
import {
  dashboardNames,
  interpolated,
  readDashboard,
  shownPanels,
  type Dashboard,
  type Panel,
} from "../support/dashboards.ts";
import { metricsIn, seriesNames } from "../support/promql.ts";

const dashboards = dashboardNames.map(readDashboard);
const known = new Set([
  ...metricCatalogue.flatMap(({ metrics }) => metrics.flatMap(seriesNames)),
  "istio_requests_total",
  ...seriesNames({ kind: "histogram", name: "istio_request_duration_milliseconds" }),
]);
/** What Grafana knows besides a dashboard's own variables. */
const builtIn = { __rate_interval: "1m", __range: "1h" };

const overlap = (one: Panel["gridPos"], other: Panel["gridPos"]) =>
  one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;

describe.each(dashboards)("dashboard $title", (dashboard: Dashboard) => {
  const panels = shownPanels(dashboard);
  const variables = dashboard.templating.list;

  test("is of a schema that Grafana 10.3 and later takes, and has its own place", () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.uid).toMatch(/^serin-[a-z]+$/);
    expect(dashboard.description).toMatch(/\.$/);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("has panels that lie beside each other", () => {
    const collisions = dashboard.panels.flatMap((one, index) =>
      dashboard.panels
        .slice(index + 1)
        .filter((other) => overlap(one.gridPos, other.gridPos))
        .map((other) => `${one.title} and ${other.title}`),
    );
    expect(collisions).toEqual([]);
    expect(dashboard.panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
  });

  test("asks the data source that is chosen", () => {
    expect(variables[0]).toMatchObject({ name: "datasource", type: "datasource" });
    const sources = panels.flatMap(({ datasource, targets = [] }) => [
      datasource,
      ...targets.map((its) => its.datasource),
    ]);
    expect(new Set(sources.map((source) => source?.uid))).toEqual(new Set(["${datasource}"]));
  });

  test("has variables that read metrics which exist, and are all used", () => {
    const values = Object.fromEntries(variables.map(({ name }) => [name, name]));
    for (const { definition = "" } of variables.slice(1)) {
      expect(known).toContain(/^label_values\((\w+)/.exec(definition)?.[1]);
      interpolated(definition, values);
    }
    const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join("\n");
    for (const { name } of variables.slice(1)) expect(expressions).toContain(`"$${name}"`);
  });

  test.each(panels)("panel $title is explained, has a unit, and reads metrics that exist", (panel) => {
    expect(panel.title).not.toBe("");
    expect(panel.description).toMatch(/^[A-Z0-9].*\.$/);
    expect(panel.fieldConfig?.defaults.unit).toBeTruthy();
    const values = { ...builtIn, ...Object.fromEntries(variables.map(({ name }) => [name, ".*"])) };
    const expressions = (panel.targets ?? []).map(({ expr }) => interpolated(expr, values));
    expect(expressions).not.toEqual([]);
    for (const expression of expressions) {
      expect(metricsIn(expression).length).toBeGreaterThan(0);
      expect(metricsIn(expression).filter((name) => !known.has(name))).toEqual([]);
    }
  });
});

test("every metric of ours has its place on a dashboard", () => {
  const read = new Set(
    dashboards.flatMap((dashboard) =>
      shownPanels(dashboard).flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr))),
    ),
  );
  const ours = metricCatalogue.flatMap(({ metrics }) => metrics).filter(({ name }) => name.startsWith("serin_"));
  const missing = ours.filter((metric) => !seriesNames(metric).some((name) => read.has(name)));
  expect(missing.map(({ name }) => name)).toEqual([]);
});
