import { conditionReasons, rollbackReasons } from "../api/reasons.ts";
import { renderRatio } from "../api/instant.ts";
import type { Counts, Release } from "../api/rollout-status.ts";
import { atMost } from "../domain/analysis/judge.ts";
import type { Rollout } from "../api/rollout.ts";
import { nextSteps } from "./next-steps.ts";
import { renderCounts } from "./render-status.ts";
import type { Paint } from "./terminal.ts";

/** Why a Rollout stands where it stands, on what evidence, and what to do next, as text. */
export function renderExplanation(rollout: Rollout, paint: Paint): string {
  const { status } = rollout;
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  if (ready === undefined) {
    return `${rollout.key.name} has not been looked at yet.\n\n${paint("bold", "What to do")}\n  See that the operator runs: it writes the first status within a second.`;
  }
  const sections = [
    [`${rollout.key.name} is ${status.phase ?? ready.reason}${position(rollout)}.`],
    [paint("bold", "Why"), `  ${ready.reason}: ${conditionReasons[ready.reason]}`, ...sentence(ready.message)],
    ...evidence(status.release, paint),
    ...outliers(rollout, paint),
    ...lastRejection(rollout, paint),
    [paint("bold", "What to do"), `  ${nextSteps[ready.reason]}`],
  ];
  return sections.map((lines) => lines.join("\n")).join("\n\n");
}

function position({ status }: Rollout): string {
  if (status.release === undefined) return "";
  return `: release ${status.release.number}, step ${status.step ?? "?"}, ${status.weight ?? 0} % of the traffic on the canary`;
}

function sentence(text: string): string[] {
  return text === "" ? [] : [`  ${text}`];
}

function evidence(release: Release | undefined, paint: Paint): string[][] {
  if (release === undefined) return [];
  const { analysis, decision, explanation } = release;
  const lines = [
    ...(analysis === undefined ? [] : analysisLines(analysis)),
    ...(decision === undefined ? [] : [`  Decided: ${decision}${because(release)}`]),
    ...(explanation === undefined ? [] : sentence(explanation)),
  ];
  return lines.length === 0 ? [] : [[paint("bold", "Evidence"), ...lines]];
}

function analysisLines(analysis: NonNullable<Release["analysis"]>): string[] {
  const { judgement, verdict, release, watermark, step } = analysis;
  return [
    ...sentence(judgement ?? ""),
    ...(verdict === undefined ? [] : [`  Verdict: ${verdict}`]),
    `  Requests until ${watermark}: canary ${renderCounts(release.canary)}, stable ${renderCounts(release.stable)}`,
    ...boundLine(step.canary),
  ];
}

/** What is known of the canary as a whole, from the requests of this step. */
function boundLine({ requests, errors, slow }: Counts): string[] {
  if (requests === 0) return [];
  const bounds = [`${renderRatio(atMost(Math.min(errors, requests), requests))} of its requests fail`];
  if (slow > 0) bounds.push(`${renderRatio(atMost(Math.min(slow, requests), requests))} are too slow`);
  return [`  At most (95 % sure): ${bounds.join(", ")}`];
}

function because({ reason }: Release): string {
  return reason === undefined ? "" : `, ${meaning(reason)}`;
}

/** A reason of a rollback with its sentence; one that a newer operator wrote stands alone. */
function meaning(reason: string): string {
  const text = (rollbackReasons as Readonly<Record<string, string>>)[reason];
  return text === undefined ? reason : `${reason}: ${text}`;
}

/** What was tuned around a few bad pods, and whose requests failed. */
function outliers({ status }: Rollout, paint: Paint): string[][] {
  if (status.outlierDetection === undefined) return [];
  const { found, tuned, since, why } = status.outlierDetection;
  const { consecutive5xxErrors, baseEjectionTime, maxEjectionPercent } = tuned;
  const settings = `consecutive5xxErrors ${consecutive5xxErrors}, baseEjectionTime ${baseEjectionTime}, maxEjectionPercent ${maxEjectionPercent}`;
  const pods = found.map(
    ({ pod, version, errors, requests }) => `  ${pod} (${version}): ${errors} of ${requests} requests failed`,
  );
  return [
    [
      paint("bold", "Outlier detection"),
      `  Tuned at ${since} until the release ends: ${settings}`,
      ...sentence(why),
      ...pods,
    ],
  ];
}

function lastRejection({ status }: Rollout, paint: Paint): string[][] {
  const last = status.history?.toSorted((one, other) => one.number - other.number).at(-1);
  if (status.release !== undefined || last?.outcome !== "RolledBack") return [];
  const why = last.reason === undefined ? [] : [`  ${meaning(last.reason)}`];
  return [[paint("bold", `Release ${last.number}, ${last.image}`), ...why, ...sentence(last.explanation ?? "")]];
}
