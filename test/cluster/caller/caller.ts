import { Agent, request } from "undici";
import { readConnection } from "../kubernetes.ts";
import { createCounting, difference, type CallCounts } from "../load/counts.ts";
import type { EndpointSlice, Service } from "../mesh/objects.ts";
import { servedAddress, servedPort } from "../world/addresses.ts";
import { startInformer } from "../world/informer.ts";

export interface CallerOptions {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  /** Requests per second. */
  readonly rate: number;
  readonly timeoutMs?: number;
}

export interface Caller {
  snapshot(): CallCounts;
  since(mark: CallCounts): CallCounts;
  stop(): Promise<CallCounts>;
}

const defaultTimeoutMs = 10_000;

/** The addresses that kube-proxy would choose from: ready endpoints, or terminating ones that still serve if none is. */
export function kubeProxyEndpoints(slices: readonly EndpointSlice[], portName: string): string[] {
  const all = slices.flatMap((slice) => {
    const port = (slice.ports ?? []).find(({ name = "" }) => name === portName)?.port;
    return port === undefined ? [] : (slice.endpoints ?? []).map((endpoint) => ({ endpoint, port }));
  });
  const ready = all.filter(({ endpoint }) => endpoint.conditions?.ready !== false);
  const serving = all.filter(
    ({ endpoint }) => endpoint.conditions?.serving === true && endpoint.conditions.terminating === true,
  );
  return (ready.length > 0 ? ready : serving).flatMap(({ endpoint, port }) =>
    endpoint.addresses.slice(0, 1).map((address) => `${servedAddress(address)}:${servedPort(port)}`),
  );
}

/** Calls a Service from outside the mesh at a steady rate: one of its endpoints at random, no retries, no routes. */
export async function startCaller(options: CallerOptions): Promise<Caller> {
  const { namespace, service, port, rate, timeoutMs = defaultTimeoutMs } = options;
  const connection = readConnection(options.kubeconfig);
  const services = startInformer<Service>({
    connection,
    path: `/api/v1/namespaces/${namespace}/services`,
    onEvent: () => undefined,
  });
  const slices = startInformer<EndpointSlice>({
    connection,
    path: `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
    onEvent: () => undefined,
  });
  await Promise.all([services.synced, slices.synced]);
  const counting = createCounting();
  const dispatcher = new Agent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  const pending = new Set<Promise<void>>();

  const choose = (): string | undefined => {
    const portName =
      services.objects.get(`${namespace}/${service}`)?.spec.ports?.find((each) => each.port === port)?.name ?? "";
    const own = [...slices.objects.values()].filter(
      ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service,
    );
    const endpoints = kubeProxyEndpoints(own, portName);
    return endpoints[Math.floor(Math.random() * endpoints.length)];
  };
  const call = async (): Promise<void> => {
    const at = Date.now();
    const began = performance.now();
    const done = (status: number, version?: string): void =>
      counting.add({ at, latencyMs: performance.now() - began, status, version });
    const address = choose();
    if (address === undefined) return done(0);
    try {
      const { statusCode, headers, body } = await request(`http://${address}/`, {
        dispatcher,
        headers: { host: `${service}.${namespace}` },
      });
      await body.dump();
      const version = headers["x-version"];
      done(statusCode, typeof version === "string" ? version : undefined);
    } catch {
      done(0);
    }
  };
  const timer = setInterval(() => {
    const calling = call().finally(() => pending.delete(calling));
    pending.add(calling);
  }, 1000 / rate);

  return {
    snapshot: () => counting.snapshot(),
    since: (mark) => difference(counting.snapshot(), mark),
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      await Promise.all([services.stop(), slices.stop(), dispatcher.destroy()]);
      return counting.snapshot();
    },
  };
}
