import { parseInstant, type Instant, type Milliseconds } from "../api/instant.ts";
import type { RolloutStatus } from "../api/rollout-status.ts";
import { canonicalJson } from "./canonical-json.ts";

/**
 * Whether a status is worth a write. Counts and sentences that grow with every sample are written at most once per
 * `period`: what was not stored is measured again from the stored watermark. Everything else is written at once.
 */
export function isWorthWriting(
  before: RolloutStatus,
  after: RolloutStatus,
  now: Instant,
  period: Milliseconds,
): boolean {
  const storedAnalysis = before.release?.analysis;
  const isCounting = storedAnalysis !== undefined && after.release?.analysis !== undefined;
  if (!isCounting) return true;
  if (canonicalJson(withoutEvidence(before)) !== canonicalJson(withoutEvidence(after))) return true;
  // While data are missing nothing is counted that could be stored.
  if (after.release?.analysis?.noDataSince !== undefined) return false;
  return now - parseInstant(storedAnalysis.watermark) >= period;
}

function withoutEvidence(status: RolloutStatus) {
  const { release } = status;
  const evidence = { verdict: release?.analysis?.verdict, isMissing: release?.analysis?.noDataSince !== undefined };
  return {
    ...status,
    message: undefined,
    conditions: status.conditions?.map((condition) => ({ ...condition, message: undefined })),
    release: release === undefined ? undefined : { ...release, analysis: evidence },
  };
}
