import { describe, expect, test } from "vitest";
import { configSchema, flagOf, readConfig, variableOf } from "../../src/config.ts";

const needed = { prometheusAddress: "http://prometheus:9090" };
const mistakes = (flags: object, environment: NodeJS.ProcessEnv = {}) => {
  const config = readConfig({ ...flags }, environment);
  return "mistakes" in config ? config.mistakes : [];
};

describe("readConfig()", () => {
  test("needs the address of Prometheus and nothing else", () => {
    expect(readConfig(needed, {})).toEqual({
      kubeconfig: undefined,
      namespace: [],
      prometheusAddress: "http://prometheus:9090",
      metricsAddress: ":8080",
      leaderElect: false,
      leaderElectNamespace: "serin-system",
      logLevel: "info",
      hold: "auto",
      webhookAddress: ":9443",
      webhookUrl: undefined,
      istioNamespace: "istio-system",
      clusterDomain: "cluster.local",
      propagation: 2_000,
      rollbackDeadline: 30_000,
      shiftDeadline: 60_000,
      evidencePeriod: 60_000,
      workers: 8,
    });
  });

  test("takes a flag before the environment, and that before the default", () => {
    const environment = { SERIN_LOG_LEVEL: "warn", SERIN_PROPAGATION: "5s" };
    expect(readConfig({ ...needed, logLevel: "debug" }, environment)).toMatchObject({
      logLevel: "debug",
      propagation: 5_000,
      shiftDeadline: 60_000,
    });
  });

  test("reads numbers, lists and switches from the environment, and takes an empty variable for none", () => {
    const environment = {
      SERIN_PROMETHEUS_ADDRESS: "https://prometheus.example.org",
      SERIN_NAMESPACE: "shop, staging",
      SERIN_LEADER_ELECT: "true",
      SERIN_WORKERS: "3",
      SERIN_LOG_LEVEL: "",
    };
    expect(readConfig({}, environment)).toMatchObject({
      prometheusAddress: "https://prometheus.example.org",
      namespace: ["shop", "staging"],
      leaderElect: true,
      workers: 3,
      logLevel: "info",
    });
    expect(readConfig(needed, { SERIN_LEADER_ELECT: "false" })).toMatchObject({ leaderElect: false });
  });

  test("says what is missing, by flag and variable, and what to write", () => {
    expect(mistakes({})).toEqual([
      "--prometheus-address (or SERIN_PROMETHEUS_ADDRESS) is needed: write the URL of a Prometheus, such as http://prometheus.monitoring:9090",
    ]);
  });

  test.each([
    [{ prometheusAddress: "prometheus:9090" }, "--prometheus-address", "write the URL of a Prometheus"],
    [{ propagation: "2 seconds" }, "--propagation", "write a duration such as 2s or 1m30s"],
    [{ metricsAddress: "8080" }, "--metrics-address", "write host:port or :port, such as :8080"],
    [{ hold: "none" }, "--hold", 'expected one of "auto"|"policy"|"webhook"|"paused"'],
    [{ webhookAddress: "9443" }, "--webhook-address", "write host:port or :port, such as :9443"],
    [{ webhookUrl: "http://10.0.0.7:9443" }, "--webhook-url", "write the URL by which the API server reaches it"],
    [{ workers: "many" }, "--workers", "expected number"],
    [{ workers: "0" }, "--workers", ">=1"],
  ])("says of %j what is wrong", (flags, flag, says) => {
    const [mistake, ...others] = mistakes({ ...needed, ...flags });
    expect(mistake).toContain(`${flag} (or ${variableOf(Object.keys(flags)[0] ?? "")}) is wrong: `);
    expect(mistake).toContain(says);
    expect(others).toEqual([]);
  });

  test("says every mistake at once", () => {
    expect(mistakes({ logLevel: "loud", workers: "0" })).toHaveLength(3);
  });
});

test("flags and variables are named after the member", () => {
  expect(flagOf("leaderElectNamespace")).toBe("--leader-elect-namespace");
  expect(variableOf("leaderElectNamespace")).toBe("SERIN_LEADER_ELECT_NAMESPACE");
});

test("every member says what it is for", () => {
  const silent = Object.entries(configSchema.shape).filter(([, schema]) => schema.meta()?.description === undefined);
  expect(silent.map(([name]) => name)).toEqual([]);
});
