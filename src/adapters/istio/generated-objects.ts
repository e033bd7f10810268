import { managedBy, managedByLabel } from "./target.ts";
import { isDeepStrictEqual } from "node:util";
import { apiVersion, kind } from "../../api/names.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { recordIn, recordsIn, textIn, type JsonRecord } from "./json-value.ts";
import type { ServicePort } from "./service-port.ts";
import type { Target } from "./target.ts";

const istioVersion = "networking.istio.io/v1";

/** Name of the one route of a generated VirtualService. */
export const primaryRoute = "primary";

/** The VirtualService of a Rollout that names none: one route on the Service's port to the Service, without a subset. */
export function generatedVirtualService(rollout: Rollout, target: Target, port: ServicePort): KubernetesObject {
  const { hosts, gateways } = rollout.spec?.traffic.istio ?? {};
  const elsewhere = (gateways ?? []).filter((gateway) => gateway !== "mesh");
  const inMesh = gateways === undefined || gateways.includes("mesh");
  // A gateway listens on ports of its own: a match on the Service's port would never be met there.
  const match = [
    ...(inMesh ? [{ port: port.port, ...(elsewhere.length > 0 && { gateways: ["mesh"] }) }] : []),
    ...(elsewhere.length > 0 ? [{ gateways: elsewhere }] : []),
  ];
  // And where the Service has several ports it would send to the one of its own number.
  const isNamed = elsewhere.length > 0 && port.oneOfSeveral;
  const destination = { host: target.service, ...(isNamed && { port: { number: port.port } }) };
  return {
    apiVersion: istioVersion,
    kind: "VirtualService",
    metadata: metadata(rollout, target.namespace, target.virtualService.name),
    spec: {
      hosts: hosts ?? [target.service],
      ...(gateways && { gateways }),
      http: [{ name: primaryRoute, match, route: [{ destination }] }],
    },
  };
}

/** The DestinationRule of a Rollout that names none: no subsets, and only the policy that it would otherwise cancel. */
export function generatedDestinationRule(
  rollout: Rollout,
  target: Target,
  carried: JsonRecord | undefined,
): KubernetesObject {
  return {
    apiVersion: istioVersion,
    kind: "DestinationRule",
    metadata: metadata(rollout, target.namespace, target.destinationRule.name),
    spec: { host: target.service, ...(carried && { trafficPolicy: carried }) },
  };
}

/**
 * The patch that makes a generated VirtualService say what the Rollout's spec now says about hosts, gateways and port.
 * Empty where it does. A split and fields that somebody added stay.
 */
export function refreshPatch(current: KubernetesObject, wanted: KubernetesObject): JsonPatch {
  const spec = refreshed(current.spec ?? {}, wanted.spec ?? {});
  if (isDeepStrictEqual(spec, current.spec)) return [];
  return [
    { op: "test", path: "/metadata/resourceVersion", value: current.metadata.resourceVersion },
    { op: "test", path: "/spec", value: current.spec },
    { op: "replace", path: "/spec", value: spec },
  ];
}

function refreshed(current: JsonRecord, wanted: JsonRecord): JsonRecord {
  const { gateways: _, ...others } = current;
  const routes = recordsIn(current, "http");
  const [primary] = recordsIn(wanted, "http");
  const kept = routes.some((route) => textIn(route, "name") === primaryRoute);
  return {
    ...others,
    hosts: wanted["hosts"],
    ...("gateways" in wanted && { gateways: wanted["gateways"] }),
    http: kept && primary !== undefined ? routes.map((route) => refreshedRoute(route, primary)) : [...routes, primary],
  };
}

function refreshedRoute(route: JsonRecord, primary: JsonRecord): JsonRecord {
  if (textIn(route, "name") !== primaryRoute) return route;
  const entries = recordsIn(route, "route");
  const isWhole = entries.length === 1 && textIn(recordIn(entries[0], "destination"), "subset") === undefined;
  return { ...route, match: primary["match"], route: isWhole ? primary["route"] : route["route"] };
}

/** GitOps tools are told to leave alone what they find and did not apply. */
function metadata(rollout: Rollout, namespace: string, name: string): KubernetesObject["metadata"] {
  return {
    name,
    namespace,
    labels: { [managedByLabel]: managedBy },
    annotations: {
      "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
      "helm.toolkit.fluxcd.io/driftDetection": "disabled",
      "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    },
    ownerReferences: [{ apiVersion, kind, name: rollout.key.name, uid: rollout.uid, controller: true }],
  };
}
