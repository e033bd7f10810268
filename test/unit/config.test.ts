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
      prometheusSecret: undefined,
      prometheusTokenFile: undefined,
      prometheusHeader: [],
      seriesBudget: 50_000,
      metricsAddress: ":8080",
      leaderElect: false,
      leaderElectNamespace: "serin-system",
      leaseDuration: 15_000,
      renewDeadline: 10_000,
      retryPeriod: 2_000,
      logLevel: "info",
      hold: "auto",
      webhookAddress: ":9443",
      webhookUrl: undefined,
      meshScope: "cluster",
      istioNamespace: "istio-system",
      clusterDomain: "cluster.local",
      propagation: 2_000,
      rollbackDeadline: 30_000,
      shiftDeadline: 60_000,
      evidencePeriod: 60_000,
      workers: 16,
    });
  });

  test("--mesh-scope namespaces needs to know which", () => {
    expect(mistakes({ ...needed, meshScope: "namespaces" })).toEqual([
      "--mesh-scope namespaces needs --namespace: name the namespaces to work in",
    ]);
    expect(mistakes({ ...needed, meshScope: "namespaces", namespace: ["shop"] })).toEqual([]);
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
      SERIN_PROMETHEUS_HEADER: "X-Scope-OrgID: a|b\nX-Other: c",
      SERIN_LOG_LEVEL: "",
    };
    expect(readConfig({}, environment)).toMatchObject({
      prometheusAddress: "https://prometheus.example.org",
      prometheusHeader: ["X-Scope-OrgID: a|b", "X-Other: c"],
      namespace: ["shop", "staging"],
      leaderElect: true,
      workers: 3,
      logLevel: "info",
    });
    for (const [word, leaderElect] of [
      ["false", false],
      ["0", false],
      ["True", true],
      ["1", true],
    ] as const)
      expect(readConfig(needed, { SERIN_LEADER_ELECT: word })).toMatchObject({ leaderElect });
    // Taken for "no", it would make one of two leaders.
    expect(readConfig(needed, { SERIN_LEADER_ELECT: "yes" })).toHaveProperty("mistakes");
  });

  test("says what is missing, by flag and variable, and what to write", () => {
    expect(mistakes({})).toEqual([
      "--prometheus-address (or SERIN_PROMETHEUS_ADDRESS) is needed: write the URL of a Prometheus, such as http://prometheus.monitoring:9090",
    ]);
  });

  test.each([
    [{ prometheusAddress: "prometheus:9090" }, "--prometheus-address", "write the URL of a Prometheus"],
    [{ prometheusHeader: ["X-Scope-OrgID"] }, "--prometheus-header", "write a header such as 'X-Scope-OrgID: team-a'"],
    [{ prometheusSecret: "a/b/c" }, "--prometheus-secret", "write the name of a Secret, or namespace/name"],
    [{ propagation: "2 seconds" }, "--propagation", "write a duration such as 2s or 1m30s"],
    [{ metricsAddress: "8080" }, "--metrics-address", "write host:port or :port, such as :8080"],
    [{ hold: "none" }, "--hold", 'expected one of "auto"|"policy"|"webhook"|"paused"'],
    [{ webhookAddress: "9443" }, "--webhook-address", "write host:port or :port, such as :9443"],
    [{ webhookUrl: "http://10.0.0.7:9443" }, "--webhook-url", "write the URL by which the API server reaches it"],
    [
      { prometheusAddress: "http://169.254.169.254/latest" },
      "--prometheus-address",
      "the machine's or the API server's",
    ],
    [{ prometheusAddress: "http://[fe80::1]:9090" }, "--prometheus-address", "the machine's or the API server's"],
    [
      { prometheusAddress: "https://kubernetes.default.svc" },
      "--prometheus-address",
      "the machine's or the API server's",
    ],
    [{ workers: "many" }, "--workers", "expected number"],
    [{ workers: "0" }, "--workers", ">=1"],
  ])("says of %j what is wrong", (flags, flag, says) => {
    const [mistake, ...others] = mistakes({ ...needed, ...flags });
    expect(mistake).toContain(`${flag} (or ${variableOf(Object.keys(flags)[0] ?? "")}) is wrong: `);
    expect(mistake).toContain(says);
    expect(others).toEqual([]);
  });

  test("takes credentials from one place", () => {
    const both = { ...needed, prometheusSecret: "prometheus", prometheusTokenFile: "/token" };
    expect(mistakes(both)).toEqual([
      "--prometheus-secret and --prometheus-token-file do not go together: write the token into the Secret, or leave one of them out",
    ]);
  });

  test.each([[{ renewDeadline: "15s" }], [{ retryPeriod: "10s" }], [{ leaseDuration: "5s" }]])(
    "takes no %j, with which two could lead",
    (flags) => {
      expect(mistakes({ ...needed, ...flags })).toEqual([
        "--retry-period, --renew-deadline and --lease-duration must rise in this order, or a leader goes on when another may lead already",
      ]);
    },
  );

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
