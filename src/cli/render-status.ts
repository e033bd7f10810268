import { parseInstant, renderDuration, renderRatio, type Instant } from "../api/instant.ts";
import { renderKey } from "../api/object-key.ts";
import type { Condition, Counts, Release, Revision } from "../api/rollout-status.ts";
import type { Rollout } from "../api/rollout.ts";
import { stepsOf } from "../domain/steps.ts";
import type { EventView, RolloutView } from "./rollout-view.ts";
import type { Colour, Paint } from "./terminal.ts";
import { textTable } from "./text-table.ts";

/** A Rollout on one screen: where it stands and why, who gets the traffic, the evidence, conditions, last events. */
export function renderStatus({ rollout, events, now }: RolloutView, paint: Paint): string {
  const { status } = rollout;
  return [
    headline(rollout, paint),
    ...(status.message === undefined ? [] : [`  ${status.message}`]),
    "",
    ...textTable([...releaseRows(rollout, now, paint), ...revisionRows(rollout)]).map((line) => `  ${line}`),
    ...section("Conditions", conditionLines(status.conditions ?? [], now), paint),
    ...section("Events", eventLines(events, now), paint),
  ].join("\n");
}

function headline({ key, status, deleting }: Rollout, paint: Paint): string {
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  const phase = deleting ? "LettingGo" : (status.phase ?? "New");
  const reason = ready === undefined || ready.reason === phase ? "" : ` (${ready.reason})`;
  return `${paint("bold", renderKey(key))}  ${paint(colourOf(status.conditions ?? []), phase + reason)}`;
}

function colourOf(conditions: readonly Condition[]): Colour {
  if (conditions.some(({ type, status }) => type === "Stalled" && status === "True")) return "red";
  return conditions.some(({ type, status }) => type === "Ready" && status === "True") ? "green" : "yellow";
}

function releaseRows({ spec, status }: Rollout, now: Instant, paint: Paint): string[][] {
  const { release } = status;
  if (release === undefined) return [];
  return [
    ["Release", `${release.number}, for ${renderDuration(now - parseInstant(release.startedAt))}`],
    ...(spec === undefined ? [] : [["Step", `${status.step ?? ""}  ${stepLine(stepsOf(spec), release, paint)}`]]),
    ["Weight", weightBar(status.weight ?? 0)],
    ...(release.analysis === undefined ? [] : analysisRows(release.analysis)),
    ...decisionRow(release),
  ];
}

function stepLine(steps: ReturnType<typeof stepsOf>, release: Release, paint: Paint): string {
  const marks = steps.map((step, index) => {
    const pause = step.pause?.duration === undefined ? "pause" : `pause ${step.pause.duration}`;
    const what = step.weight === undefined ? pause : `${step.weight} %`;
    if (index < release.stepIndex) return paint("green", `✓ ${what}`);
    return index === release.stepIndex ? paint("bold", `▶ ${what}`) : paint("dim", `· ${what}`);
  });
  return marks.join("  ");
}

/** `[█████░░░░░]  50 % canary, 50 % stable`. */
export function weightBar(weight: number, width = 20): string {
  const canary = Math.round((weight / 100) * width);
  return `[${"█".repeat(canary)}${"░".repeat(width - canary)}]  ${weight} % canary, ${100 - weight} % stable`;
}

function analysisRows(analysis: NonNullable<Release["analysis"]>): string[][] {
  return [
    ...(analysis.judgement === undefined ? [] : [["Analysis", analysis.judgement]]),
    ["Requests", `canary ${renderCounts(analysis.release.canary)}, stable ${renderCounts(analysis.release.stable)}`],
  ];
}

/** `2,000 (0.15 % failed)`. */
export function renderCounts({ requests, errors }: Counts): string {
  const count = requests.toLocaleString("en-US");
  return requests === 0 ? count : `${count} (${renderRatio(errors / requests)} failed)`;
}

function decisionRow({ decision, reason, explanation }: Release): string[][] {
  if (decision === undefined) return [];
  return [["Decision", [decision, reason, explanation].filter((part) => part !== undefined).join(": ")]];
}

function revisionRows({ status }: Rollout): string[][] {
  const row = (name: string, revision: Revision | undefined) =>
    revision === undefined ? [] : [[name, `${revision.image}  (${revision.replicaSet})`]];
  return [...row("Stable", status.stable), ...row("Canary", status.canary)];
}

function conditionLines(conditions: readonly Condition[], now: Instant): string[] {
  return textTable(
    conditions.map(({ type, status, reason, lastTransitionTime, message }) => [
      type,
      status,
      reason,
      ago(lastTransitionTime, now),
      message,
    ]),
  );
}

function eventLines(events: readonly EventView[], now: Instant): string[] {
  return textTable(events.map(({ at, type, reason, note }) => [age(at, now), type, reason, note]));
}

function ago(time: string, now: Instant): string {
  return age(parseInstant(time), now);
}

function age(at: Instant, now: Instant): string {
  return Number.isNaN(at) ? "?" : renderDuration(Math.max(1_000, now - at));
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : ["", paint("bold", title), ...lines.map((line) => `  ${line}`)];
}
