import type { Decision, Rule } from "./decision.ts";
import { withCurrentRevisions } from "./current-revisions.ts";
import { withEvents } from "./events.ts";
import { withMeasurement } from "./evidence.ts";
import type { Observation } from "./observation.ts";
import { adoptRunningRevision, claim, keepHold, letGo, refuseBadSpec, refuseProblems } from "./rules/lifecycle.ts";
import { followSteps, keepCanary, keepPaused, keepStable } from "./rules/drift.ts";
import { prepareTraffic, waitForCanary } from "./rules/preparation.ts";
import { bake, noticeMetrics, passStep, standStill } from "./rules/progress.ts";
import { tuneOutliers } from "./rules/outliers.ts";
import { finishPromotion } from "./rules/promotion.ts";
import { rest } from "./rules/rest.ts";
import { finishRollback } from "./rules/rollback.ts";
import { goBack } from "./rules/safety.ts";
import { stepBack, waitForStable } from "./rules/shared-incident.ts";
import { startRelease } from "./rules/start.ts";
import { watchSubsets } from "./rules/subsets.ts";
import { waitForTraffic } from "./rules/traffic-seen.ts";
import { shiftTraffic } from "./rules/traffic.ts";

/** In order of precedence: the first rule that answers decides. Safety comes before progress. */
const rules = {
  letGo, // deleted: roll back what is under way, give everything back, go
  claim, // not ours yet: the finalizer before anything else
  finishRollback, // a rollback was decided: traffic, pods, routes, subsets, in that order
  goBack, // aborted, superseded, broken, or judged unfit: all traffic to stable
  tuneOutliers, // a few bad pods among good ones: proxies eject them first
  refuseBadSpec, // the spec cannot be understood: say so, touch nothing
  refuseProblems, // at rest, something a user has to mend: say so, touch nothing
  keepPaused, // somebody unpaused the Deployment in mid-release: the template stays held
  keepStable, // the Deployment began to roll out by itself: stable gets its pods back
  keepCanary, // the canary lost its ownerReference: it gets it back
  finishPromotion, // a promotion was decided: the Deployment adopts the pods, routes as they were
  watchSubsets, // users run all versions themselves: what the routes serve is stable, and stays it
  adoptRunningRevision, // nothing to compare with: what runs is stable
  keepHold, // the label that the hold needs is missing
  startRelease, // a new template is held: release it
  followSteps, // spec.steps changed: go on from the weight that was reached
  prepareTraffic, // subsets, then routes, before the first canary pod
  waitForCanary, // enough ready pods for the weight to come
  noticeMetrics, // metrics are back
  stepBack, // both versions fail: stable gets everything until it is well
  shiftTraffic, // the weight of the step
  waitForStable, // stepped back: was it the canary?
  standStill, // suspended, or paused by a person: the weight stays
  waitForTraffic, // the step's clock starts when its traffic is seen
  bake, // at 100 %, passed: old pods stay for a while
  passStep, // on to the next step
} satisfies Record<string, Rule>;

/** What should happen next: the same answer for the same observation, always. */
export function decide(seen: Observation): Decision {
  const observation = withMeasurement(withCurrentRevisions(seen));
  for (const [rule, apply] of Object.entries<Rule>(rules)) {
    const answer = apply(observation);
    if (answer !== undefined) return finish(seen, rule, answer);
  }
  return finish(seen, "rest", rest(observation));
}

function finish(seen: Observation, rule: string, answer: ReturnType<typeof rest>): Decision {
  return { rule, ...answer, status: withEvents(seen, answer.status, answer.transitions) };
}

/** The names of all rules, in order; the documentation lists them. */
export const ruleNames: readonly string[] = [...Object.keys(rules), "rest"];
