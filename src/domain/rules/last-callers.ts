import { renderRatio, type Instant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { isStillCalled } from "../analysis/traffic-shift.ts";
import type { Answer } from "../decision.ts";
import { isProblem, seenSinceShift, type Observation } from "../observation.ts";
import type { Asked } from "../propagation.ts";
import { isRunByUser } from "./canary.ts";
import { notShifted } from "./traffic-seen.ts";
import { isDisturbed } from "./traffic.ts";
import { askedToPromote, progressing } from "./under-way.ts";

/**
 * The old pods go for good with a promotion, and a proxy that still sends to them, because its configuration is late or
 * frozen, would find nobody. At 100 % all that is left at stable is such a proxy's, unless routes that are not split name
 * it: then nobody can tell. A few callers of many are within the tolerance of a step, so this looks at each again.
 */
export function waitForLastCallers(observation: Observation, release: Release, since: Instant): Answer | undefined {
  const { measurement, now, settings } = observation;
  const seen = seenSinceShift(measurement);
  const asked = release.traffic;
  if (seen === undefined || asked === undefined || askedToPromote(observation)) return undefined;
  if (!canTell(observation, asked)) return undefined;
  const { stable, canary, callers } = seen;
  const all = stable + canary;
  if (!isStillCalled(stable, all)) return undefined;
  if (now - since < settings.shiftDeadline)
    return progressing(observation, "All traffic was sent to the canary; waiting until none reaches the old pods.");
  const message = `All traffic was sent to the canary, but ${renderRatio(stable / all)} of ${all} requests still reach the old pods: ${callers.join("; ")}. They stay until that ends. Check that the proxies of these callers are up to date (istioctl proxy-status), or ask to go on without them (serin promote).`;
  return notShifted(observation, release, message, "bake");
}

/** Whether requests that reach stable at 100 % can only be those of a proxy that does not follow. */
function canTell(observation: Observation, { corrections }: Asked): boolean {
  const { traffic, rollout } = observation;
  if (isProblem(traffic) || isRunByUser(observation) || traffic.isPinned === true) return false;
  // Pods report scrapes and callers without a proxy too.
  if (rollout.spec?.analysis.reporter === "destination" || traffic.unsplit.length > 0) return false;
  // Somebody who keeps writing routes sends requests back for a moment each time.
  return !isDisturbed(observation.now, corrections);
}
