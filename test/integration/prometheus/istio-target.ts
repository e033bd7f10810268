// A scrape target with Istio's standard metrics: what the proxy of one caller would export.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Counter, Histogram, Registry } from "prom-client";
import type { Served } from "../../contract/metric-provider.contract.ts";

export interface IstioTarget {
  readonly address: string;
  /** How many scrapes were answered. */
  readonly scrapes: number;
  count(served: Served): void;
  /** All counters begin again at zero. */
  restart(): void;
  stop(): Promise<void>;
}

/** Some of Envoy's own boundaries. */
const boundaries = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];

const labelNames = [
  "reporter",
  "source_workload",
  "source_workload_namespace",
  "destination_service_namespace",
  "destination_service_name",
  "destination_workload",
  "response_code",
  "response_flags",
  "grpc_response_status",
  "request_protocol",
] as const;

function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({ name: "istio_requests_total", help: "requests", labelNames, registers });
  const durations = new Histogram({
    name: "istio_request_duration_milliseconds",
    help: "durations",
    labelNames,
    buckets: boundaries,
    registers,
  });
  return { registry, requests, durations };
}

/** `takes`: milliseconds from a scrape's start to its end; its values are those of the start. */
export async function startIstioTarget({ takes = 0 } = {}): Promise<IstioTarget> {
  let metrics = createMetrics();
  let scrapes = 0;
  const server = createServer((_, response) => {
    void metrics.registry.metrics().then(async (text) => {
      await delay(takes);
      response.writeHead(200, { "Content-Type": metrics.registry.contentType }).end(text);
      scrapes += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    get scrapes() {
      return scrapes;
    },
    count(served) {
      const labels = labelsOf(served);
      metrics.requests.inc(labels, served.requests);
      for (let request = 0; request < served.requests; request += 1) {
        metrics.durations.observe(labels, served.milliseconds ?? 20);
      }
    },
    restart() {
      metrics = createMetrics();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function labelsOf({ workload, code = 200, flags = "-", grpcStatus = "", caller = "client", host }: Served) {
  return {
    reporter: "source",
    source_workload: caller,
    source_workload_namespace: "shop",
    destination_service_namespace: host === undefined ? "shop" : "unknown",
    destination_service_name: host ?? "product",
    destination_workload: workload,
    response_code: String(code),
    response_flags: flags,
    grpc_response_status: grpcStatus,
    request_protocol: grpcStatus === "" ? "http" : "grpc",
  };
}
