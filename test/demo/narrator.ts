import type { EventView } from "./observed.ts";
import { APP } from "./plan.ts";
import type { Scene, SceneVersion } from "./scene.ts";
import { clockText, latencyText, percentOf } from "./text.ts";

export interface Narrator {
  /** The lines that this scene is worth: none while it is like the last one and that is not long ago. */
  show(scene: Scene): readonly string[];
  event(event: EventView): readonly string[];
}

/** Tells scenes line by line: when something changes, and at least each two seconds. */
export function createNarrator({ everyMs = 2000 } = {}): Narrator {
  let release = 0;
  let told = "";
  let toldAt = 0;
  return {
    show(scene) {
      const state = [scene.phase, scene.step, scene.weight, scene.ended].join(" ");
      const begins = scene.number !== release;
      if (!begins && state === told && scene.elapsedMs - toldAt < everyMs) return [];
      release = scene.number;
      told = state;
      toldAt = scene.elapsedMs;
      return [...(begins ? opening(scene) : []), line(scene)];
    },
    event: ({ at, reason, note }) => [`${clockText(at).padStart(5)}  event ${reason}: ${note}`],
  };
}

function opening({ number, count, stable, canary, description, command, change }: Scene): string[] {
  const versions = `${APP}:${stable.version} → ${APP}:${canary.version}`;
  return ["", `release ${number} of ${count}: ${versions}, ${description}`, `$ ${command}   # ${change}`];
}

function line({ elapsedMs, phase, message, weight, stable, canary }: Scene): string {
  const traffic = [stable, canary].map(versionText).join(", ");
  return `${clockText(elapsedMs).padStart(5)}  ${phase.padEnd(11)} ${`${weight} %`.padStart(5)}  ${traffic}  ${message}`;
}

function versionText({ version, traffic: { perSecond, errors, p99Ms } }: SceneVersion): string {
  const failing = errors === undefined ? "" : ` ${percentOf(errors)} errors`;
  const slowest = p99Ms === undefined ? "" : ` p99 ${latencyText(p99Ms)}`;
  return `${version} ${perSecond.toFixed(0)}/s${failing}${slowest}`;
}
