// The end of a release, and of the demo, for people.
import type { Paint } from "../../src/cli/terminal.ts";
import { asExpected, endedAsExpected, highest, type DemoResult, type ReleaseResult } from "./result.ts";
import { grouped } from "./text.ts";

/** What became of a release and what it cost, in two lines of at most 80 columns. */
export function releaseLines(release: ReleaseResult, paint: Paint): readonly string[] {
  const { plan, outcome } = release;
  const mark = endedAsExpected(release) ? paint("green", "✓") : paint("red", "✗");
  const name = `${plan.kind.padEnd(4)} ${plan.image}`;
  return [
    `${mark} ${name}  ${paint("bold", outcome.padEnd(10))}  ${ending(release)}`,
    `${" ".repeat(name.length + 16)}${cost(release)}`,
  ];
}

function ending({ outcome, reason, weights, seconds }: ReleaseResult): string {
  if (outcome === "Promoted") return `${weights.join(" → ")} % in ${seconds} s`;
  if (outcome === "TimedOut") return `not ended after ${seconds} s, at ${highest(weights)} %`;
  return `${reason ?? "no reason"} at ${highest(weights)} % after ${seconds} s of traffic`;
}

function cost({ outcome, podsRestarted, failedRequests, requests }: ReleaseResult): string {
  const failed = `${grouped(failedRequests)} of ${grouped(requests)} requests failed`;
  if (outcome !== "Promoted") return failed;
  return `${failed}, ${podsRestarted === 0 ? "no pod restarted" : `${podsRestarted} pods restarted`}`;
}

/** What is printed last: all releases and the verdict. */
export function summaryLines(result: DemoResult, paint: Paint): readonly string[] {
  const verdict = asExpected(result)
    ? paint("green", "Every release ended as it should.")
    : paint("red", "Not every release ended as it should.");
  return [
    ...result.releases.flatMap((release) => releaseLines(release, paint)),
    "",
    `${verdict} ${paint("dim", `Ready for the first release after ${result.provisionedSeconds} s.`)}`,
  ];
}
