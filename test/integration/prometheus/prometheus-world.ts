// A real Prometheus of its own that scrapes callers of ours, because its tests stop, freeze and starve it.
import { createPrometheusProvider } from "../../../src/adapters/prometheus/prometheus-provider.ts";
import { provideParts } from "../../cluster/parts/provide.ts";
import { createSupervisor } from "../../cluster/processes/supervisor.ts";
import { until } from "../../cluster/processes/until.ts";
import { startPrometheus } from "../../cluster/prometheus.ts";
import type { Prometheus } from "../../cluster/prometheus.ts";
import type { MetricWorld } from "../../contract/metric-provider.contract.ts";
import { startIstioTarget } from "./istio-target.ts";
import type { IstioTarget } from "./istio-target.ts";

export interface PrometheusWorld extends MetricWorld {
  readonly prometheus: Prometheus;
  /** What the provider warned of. */
  readonly warnings: readonly object[];
  readonly callers: Readonly<Record<"client" | "gateway", IstioTarget>>;
}

const timeout = 1_500;

interface PrometheusWorldOptions {
  readonly scrapeInterval?: string;
  /** Milliseconds that the client's answer to a scrape takes. */
  readonly scrapesTake?: number;
  /** Recording rules, as YAML. */
  readonly rules?: string;
  readonly seriesBudget?: number;
}

export async function startPrometheusWorld({
  scrapeInterval = "500ms",
  scrapesTake = 0,
  rules,
  seriesBudget,
}: PrometheusWorldOptions = {}): Promise<PrometheusWorld> {
  const supervisor = await createSupervisor();
  const { prometheus: binary } = await provideParts(["prometheus"], { supervisor });
  const prometheus = await startPrometheus(supervisor, {
    binary: binary.path,
    scrapeInterval,
    ...(rules === undefined ? {} : { rules }),
  });
  const callers = { client: await startIstioTarget({ takes: scrapesTake }), gateway: await startIstioTarget() };
  const all = Object.values(callers);
  for (const { address } of all) prometheus.addTarget({ job: "callers", address });
  for (const { address } of all) await prometheus.awaitScraped(address);

  const warnings: object[] = [];
  const log = { debug: () => undefined, warn: (fields: object) => void warnings.push(fields) };

  /** Two scrapes that ended, so that the one before was begun after the call and is stored. */
  async function scraped(target: IstioTarget): Promise<void> {
    const enough = target.scrapes + 2;
    await until(() => target.scrapes >= enough, { timeout: 20_000, what: `two more scrapes of ${target.address}` });
  }

  return {
    prometheus,
    callers,
    timeout,
    provider: createPrometheusProvider({
      address: prometheus.url,
      timeout,
      seriesBudget,
      log,
      clock: { now: () => Date.now() },
    }),
    warnings,
    serve: (...requests) => {
      for (const served of requests) callers[served.caller === "gateway" ? "gateway" : "client"].count(served);
    },
    async seen() {
      await Promise.all(all.map(scraped));
      return Date.now();
    },
    async restartCallers() {
      await Promise.all(all.map(scraped));
      for (const target of all) target.restart();
    },
    stopStore: () => prometheus.part.stop(),
    startStore: () => prometheus.part.start(),
    freezeStore: () => prometheus.part.suspend(),
    thawStore: () => prometheus.part.resume(),
    async end() {
      await supervisor.stop();
      await Promise.all(all.map((target) => target.stop()));
    },
  };
}
