import { parseInstant, renderDuration } from "../api/instant.ts";
import type { HistoryEntry } from "../api/rollout-status.ts";
import { textTable } from "./text-table.ts";

const head = ["RELEASE", "OUTCOME", "ENDED", "TOOK", "WEIGHT", "REQUESTS", "FAILED", "IMAGE", "WHY"];

/** One line for each release that has ended, the newest first. */
export function renderHistory(history: readonly HistoryEntry[]): string {
  if (history.length === 0) return "No release has ended yet.";
  const newestFirst = history.toSorted((one, other) => other.number - one.number);
  return textTable([head, ...newestFirst.map(row)]).join("\n");
}

function row(entry: HistoryEntry): string[] {
  const { reason, explanation } = entry;
  return [
    String(entry.number),
    entry.outcome,
    entry.endedAt,
    renderDuration(parseInstant(entry.endedAt) - parseInstant(entry.startedAt)),
    `${entry.highestWeight} %`,
    entry.requests.toLocaleString("en-US"),
    entry.failedRequests.toLocaleString("en-US"),
    entry.image,
    [reason, explanation].filter((part) => part !== undefined).join(": "),
  ];
}
