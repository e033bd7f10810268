import { renderCount, renderDuration } from "../../api/instant.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import type { Concentration } from "./concentration.ts";
import type { Version } from "./pods.ts";
import type { ComputedSettings, Rates } from "./settings.ts";

/** What was found, as a sentence without its full stop. */
export function describe({ found, others }: Concentration, version: Version, { analysis }: RolloutSpec): string {
  const pods = found.map(({ pod, requests, errors }) => `${pod} failed ${ofAll(errors, requests)}`);
  const rest = `the other ${others.pods} pods of ${version} ${ofAll(others.errors, others.requests)}`;
  return `${namesAtMost(pods)}, ${rest} (limit ${analysis.errorRate.max})`;
}

/** As many as fit into one sentence. */
const named = 3;

/** The first few, and how many more there are. */
export function namesAtMost(texts: readonly string[]): string {
  const more = texts.length - named;
  return more > 0 ? `${texts.slice(0, named).join(", ")} and ${more} more` : texts.join(", ");
}

/** How many of all requests. */
export function ofAll(errors: number, requests: number): string {
  return `${renderCount(errors)} of ${renderCount(requests)} requests`;
}

/** What settings are expected to do, as a sentence without its full stop. */
export function expectation({ settings, ejectedAfter, falsePerDay }: ComputedSettings, { callers }: Rates): string {
  const proxies = callers.filter((rate) => rate > 0).length;
  const after = renderDuration(Math.max(100, Math.round(ejectedAfter / 100) * 100));
  const calling = `${proxies} ${proxies === 1 ? "proxy calls" : "proxies call"}`;
  return (
    `${settings.consecutive5xxErrors} errors in a row eject a pod: a bad one is expected to go ${after} after a proxy has ` +
    `the setting (${calling}), a good one of either version by chance ${falsePerDay.toPrecision(1)} times a day`
  );
}
