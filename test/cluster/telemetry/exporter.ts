import { createServer, type Server } from "node:http";
import type { IstioMetrics } from "./istio-metrics.ts";

/** Where Istio's proxies expose their metrics. */
export const metricsPort = 15_090;
export const metricsPath = "/stats/prometheus";

export interface Exporter {
  readonly address: string;
  stop(): Promise<void>;
}

/** Serves one proxy's metrics at its own address: one scrape target, one instance. */
export async function startExporter(host: string, metrics: IstioMetrics): Promise<Exporter> {
  const server = createServer((request, response) => {
    if (request.url !== metricsPath) return void response.writeHead(404).end();
    void metrics
      .exposition()
      .then((text) => response.writeHead(200, { "content-type": metrics.contentType }).end(text));
  });
  await listen(server, host);
  return {
    address: `${host}:${metricsPort}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: metricsPort, exclusive: true }, resolve);
  });
}
