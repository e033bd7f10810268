// What there is to be seen of a release at one moment.
import type { EventView } from "./observed.ts";
import type { VersionTraffic } from "./traffic.ts";

export interface SceneVersion {
  readonly version: string;
  readonly pods: number;
  readonly ready: number;
  readonly traffic: VersionTraffic;
}

export interface Scene {
  /** "2" of "3" releases. */
  readonly number: number;
  readonly count: number;
  readonly good: boolean;
  readonly description: string;
  readonly command: string;
  /** What is new in the file that the command applies. */
  readonly change: string;
  readonly elapsedMs: number;
  readonly phase: string;
  readonly message: string;
  readonly steps: readonly number[];
  /** Index of the step that is under way; the number of steps when all have passed. */
  readonly step: number;
  /** Percent, as it is stored in the VirtualService. */
  readonly weight: number;
  readonly stable: SceneVersion;
  readonly canary: SceneVersion;
  readonly shares: readonly number[];
  /** The newest last; `at` counts from the start of the release, in milliseconds. */
  readonly events: readonly EventView[];
  readonly ended: "Promoted" | "RolledBack" | undefined;
}

export type Mood = "good" | "bad" | "busy";

/** How things stand, for colours. The phases of rest are busy too: at first they are still those of the release before. */
export function moodOf({ phase, ended }: Pick<Scene, "phase" | "ended">): Mood {
  if (ended === "RolledBack" || phase === "RollingBack") return "bad";
  return ended === "Promoted" ? "good" : "busy";
}
