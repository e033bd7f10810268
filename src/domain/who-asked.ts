import type { Observation } from "./observation.ts";

/** Who asked for what is carried out now, as a sentence begins with it: by name where admission wrote it down. */
export function whoAsked({ rollout }: Pick<Observation, "rollout">): string {
  return rollout.requestedBy ?? "A person";
}
