import type { OutlierState, OutlierPolicy } from "../observation.ts";
import type { Version } from "./pods.ts";

/** What Istio takes where a field is left out: istio.io, DestinationRule, OutlierDetection. */
const defaults = { consecutive5xxErrors: 5, maxEjectionPercent: 10, minHealthPercent: 0 };

/**
 * Settings of outlier detection that cannot work, one sentence each, with what to write; none where there is no outlier
 * detection. `pods` is how many a version has, 0 where that is not known.
 */
export function flawsOf({ policies }: OutlierState, pods: Readonly<Record<Version, number>>): readonly string[] {
  const found = (["stable", "canary"] as const).flatMap((version) => {
    const policy = policies[version];
    return policy === undefined ? [] : flawsIn(policy, pods[version]);
  });
  return [...new Set(found)];
}

function flawsIn(policy: OutlierPolicy, pods: number): readonly string[] {
  const { where } = policy;
  const ofSize = pods === 0 ? [] : [...noEjection(policy, pods), ...panicOf(policy, pods)];
  return [...ofSize, ...noErrors(policy)].map((flaw) => `${where}: ${flaw}`);
}

/** Envoy ejects a host only where the ejected ones are then no larger a share than this. */
function noEjection({ maxEjectionPercent }: OutlierPolicy, pods: number): readonly string[] {
  const percent = percentOf(maxEjectionPercent);
  if ((percent * pods) / 100 >= 1) return [];
  const told = maxEjectionPercent
    ? `maxEjectionPercent ${percent}`
    : `maxEjectionPercent is ${percent} unless told, which`;
  return [
    `${told} of ${pods} ${pods === 1 ? "pod" : "pods"} is less than one, so no pod is ever ejected; write ${Math.ceil(100 / pods)} or more`,
  ];
}

/** 0 is what Istio takes for not set. */
function percentOf(maxEjectionPercent: number | undefined): number {
  return maxEjectionPercent === undefined || maxEjectionPercent === 0
    ? defaults.maxEjectionPercent
    : maxEjectionPercent;
}

/** With fewer healthy hosts than this Envoy sends requests to all of them, the ejected ones too. */
export function panicOf(
  { maxEjectionPercent, minHealthPercent = defaults.minHealthPercent }: OutlierPolicy,
  pods: number,
): readonly string[] {
  const ejected = Math.floor((percentOf(maxEjectionPercent) * pods) / 100);
  const left = (100 * (pods - ejected)) / pods;
  if (ejected === 0 || left >= minHealthPercent) return [];
  return [
    `with ${ejected} of ${pods} pods ejected fewer than minHealthPercent ${minHealthPercent} % are left, and proxies send to ejected pods again; write ${Math.floor(left)} or less`,
  ];
}

function noErrors({ consecutive5xxErrors, consecutiveGatewayErrors }: OutlierPolicy): readonly string[] {
  if (consecutive5xxErrors !== 0 || (consecutiveGatewayErrors ?? 0) > 0) return [];
  return ["consecutive5xxErrors 0 switches ejection for errors off; write how many in a row eject a pod, such as 5"];
}
