import { parsePercentage, renderDuration, renderRatio, type Milliseconds } from "../api/instant.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import { shareToRuleOut } from "../domain/analysis/judge.ts";
import { forecast, foreseen } from "../domain/forecast.ts";
import { stepsOf } from "../domain/steps.ts";
import { textTable } from "./text-table.ts";

/** What is expected of a release, as text. `rate` in requests per second to the Service. */
export function renderPlan(spec: RolloutSpec, { rate, interval }: { rate: number; interval: Milliseconds }): string {
  const { errorRate, onInsufficientTraffic } = spec.analysis;
  const limit = parsePercentage(errorRate.max);
  const failing = [...new Set([1, 0.1, shareToRuleOut(limit)])];
  const steps = forecast(spec, { rate, interval, failing });
  const head = [
    "STEP",
    "WEIGHT",
    "CANARY",
    "A GOOD ONE PASSES",
    ...failing.map((share) => `${renderRatio(share)} FAIL`),
  ];
  const beyond = `over ${renderDuration(foreseen(spec, interval))}`;
  const rows = steps.map(({ number, weight, canaryRate, passes, finds }) => [
    `${number}/${stepsOf(spec).length}`,
    `${weight} %`,
    `${canaryRate.toLocaleString("en-US", { maximumFractionDigits: 2 })}/s`,
    passes === undefined ? beyond : `after ${renderDuration(passes)}`,
    ...finds.map(({ after }) => (after === undefined ? beyond : `back in ${renderDuration(after)}`)),
  ]);
  const isSlow = steps.some(({ passes }) => passes === undefined);
  const advice = isSlow
    ? [
        `Steps with too few requests for a verdict end by spec.analysis.onInsufficientTraffic (${onInsufficientTraffic}).`,
      ]
    : [];
  return [
    ...textTable([head, ...rows]),
    "",
    `With ${rate} requests per second to the Service, scrapes every ${renderDuration(interval)} and a limit of ${errorRate.max}, as expected on`,
    "average; pauses, the start of pods, spec.bake and metrics of your own come on top.",
    ...advice,
  ].join("\n");
}
