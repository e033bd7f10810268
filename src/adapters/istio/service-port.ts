import type { ObjectKey } from "../../api/object-key.ts";
import { renderKey } from "../../api/object-key.ts";
import type { Problem } from "../../domain/observation.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { numberIn, recordsIn, textIn, type JsonRecord } from "./json-value.ts";

/** The port whose requests are split. */
export interface ServicePort {
  readonly port: number;
  /** Whether the Service has others. */
  readonly oneOfSeveral: boolean;
}

/** Protocols whose requests Istio does not see one by one (its rules of protocol selection). */
const opaque = new Set(["tcp", "tls", "https", "mongo", "mysql", "redis", "udp"]);

/** The port of the Service to split, or why its requests cannot be. `asked` is spec.service.port. */
export function servicePort(
  service: KubernetesObject | undefined,
  key: ObjectKey,
  asked: number | undefined,
): ServicePort | Problem {
  const where = `Service ${renderKey(key)}`;
  if (service === undefined) {
    return {
      problem: "ServiceNotFound",
      message: `${where}: is not there. Create it, or write the Service that callers use in spec.service.name.`,
    };
  }
  const kind = unfit(service, where);
  if (kind !== undefined) return kind;
  const ports = recordsIn(service.spec, "ports");
  const candidates = asked === undefined ? ports : ports.filter((port) => numberIn(port, "port") === asked);
  const [found] = candidates;
  if (found === undefined || candidates.length > 1) return ambiguous(where, ports, asked);
  const protocol = protocolOf(found);
  const port = numberIn(found, "port") ?? 0;
  if (protocol !== undefined && opaque.has(protocol)) {
    return {
      problem: "RouteNotSplittable",
      message: `${where}, spec.ports, port ${port}: is ${protocol} by its name or appProtocol, so http routes do not apply to it. Write appProtocol: http, or another port in spec.service.port.`,
    };
  }
  return { port, oneOfSeveral: ports.length > 1 };
}

function unfit(service: KubernetesObject, where: string): Problem | undefined {
  const problem = "RouteNotSplittable";
  if (service.spec?.["clusterIP"] === "None") {
    return {
      problem,
      message: `${where}, spec.clusterIP: is None, and subsets of a headless Service select nothing. Write a Service with a cluster IP in spec.service.name.`,
    };
  }
  if (service.spec?.["type"] === "ExternalName") {
    return {
      problem,
      message: `${where}, spec.type: is ExternalName, which has no pods. Write a Service with a selector in spec.service.name.`,
    };
  }
  return undefined;
}

function ambiguous(where: string, ports: readonly JsonRecord[], asked: number | undefined): Problem {
  const list = ports.map((port) => {
    const name = textIn(port, "name");
    return `${numberIn(port, "port") ?? "?"}${name === undefined ? "" : ` (${name})`}`;
  });
  const there = list.length === 0 ? "none" : list.join(", ");
  const wrong = asked === undefined ? `has ${ports.length} ports: ${there}` : `has no port ${asked}: it has ${there}`;
  return {
    problem: "ServicePortAmbiguous",
    message: `${where}, spec.ports: ${wrong}. Write the one that callers use in spec.service.port.`,
  };
}

function protocolOf(port: JsonRecord): string | undefined {
  const transport = textIn(port, "protocol")?.toLowerCase();
  if (transport === "udp") return transport;
  const said = textIn(port, "appProtocol")?.toLowerCase().replace("kubernetes.io/", "");
  return said ?? textIn(port, "name")?.toLowerCase().split("-")[0];
}
