import { parseInstant, type Instant, type Milliseconds } from "../api/instant.ts";
import type { Release, RolloutStatus } from "../api/rollout-status.ts";
import { canonicalJson } from "./canonical-json.ts";

type Analysis = NonNullable<Release["analysis"]>;

/**
 * Whether a status is worth a write. Counts and sentences that grow with every sample are written at most once per
 * `period`: what was not stored is measured again from the stored watermark. Everything else is written at once, point
 * checks too: one that is not stored would be made again, and not count.
 */
export function isWorthWriting(
  before: RolloutStatus,
  after: RolloutStatus,
  now: Instant,
  period: Milliseconds,
): boolean {
  const stored = before.release?.analysis;
  const analysis = after.release?.analysis;
  if (stored === undefined || analysis === undefined) return true;
  if (canonicalJson(withoutEvidence(before, stored)) !== canonicalJson(withoutEvidence(after, analysis))) return true;
  // While data are missing nothing is counted that could be stored.
  if (analysis.noDataSince !== undefined) return false;
  return now - parseInstant(stored.watermark) >= period;
}

function withoutEvidence(status: RolloutStatus, { verdict, noDataSince, sharedSince, checks }: Analysis) {
  const { release, conditions } = status;
  const evidence = { verdict, isMissing: noDataSince !== undefined, isShared: sharedSince !== undefined, checks };
  return {
    ...status,
    message: undefined,
    conditions: conditions?.map((condition) => ({ ...condition, message: undefined })),
    release: { ...release, analysis: evidence, steppedBack: release?.steppedBack?.at },
  };
}
