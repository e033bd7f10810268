import type { Release } from "../../api/rollout-status.ts";
import type { Action, Answer } from "../decision.ts";
import { isProblem, type Observation, type TrafficState } from "../observation.ts";
import { subsetsAreEverywhere, type Asked } from "../propagation.ts";
import { promoting } from "./hand-back.ts";
import { isPutBack, isRouted, putBack, routesTo } from "./traffic.ts";

/** The old pods may go only while nothing is sent to them: whoever changes routes or subsets now is corrected first. */
export function keepTraffic(observation: Observation, release: Release): Answer | undefined {
  const { traffic } = observation;
  const asked = keptTraffic(release);
  if (asked === undefined || isProblem(traffic)) return undefined;
  const { route, subsets } = traffic;
  if (route.kind === "Absent" || subsets.kind === "Absent")
    return promoting(observation, "Creating the route again.", [{ kind: "createRoute" }]);
  const narrow = narrowing(observation, subsets);
  const message = "Putting subsets and routes of the release back.";
  if (subsets.lacksCanary === true)
    return promoting(observation, message, narrow, { ...release, traffic: putBack(asked, observation.now) });
  const routes = isRouted(traffic, 100) ? [] : routesTo(100, asked);
  if (routes.length > 0 && isPutBack(asked) && !subsetsAreEverywhere(observation, asked))
    return promoting(observation, "Subset canary is there again; waiting until every proxy has it.", narrow);
  // The subsets first: for as long as a route names one that is not there, its requests fail.
  const plan = [...narrow, ...routes];
  return plan.length === 0 ? undefined : promoting(observation, message, plan);
}

/** What was asked of the routes, as long as they name subsets. */
function keptTraffic({ traffic }: Release): Asked | undefined {
  return traffic?.route === "Split" && traffic.subsets === "Narrowed" ? traffic : undefined;
}

function narrowing({ rollout }: Observation, subsets: TrafficState["subsets"]): readonly Action[] {
  const { stable, canary } = rollout.status;
  if (stable === undefined || canary === undefined || subsets.kind === "Absent") return [];
  const hashes = { stable: stable.podTemplateHash, canary: canary.podTemplateHash };
  if (subsets.stable === hashes.stable && subsets.canary === hashes.canary) return [];
  return [{ kind: "narrowSubsets", ...hashes }];
}
