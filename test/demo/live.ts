import { composeScene } from "./compose-scene.ts";
import { createFollower } from "./follow.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { observe, type EventView, type Observed } from "./observed.ts";
import { changeOf, describeRelease, type Badness, type PlannedRelease } from "./plan.ts";
import type { Scene } from "./scene.ts";
import { applyCommand, type Stage } from "./stage.ts";
import { createTraffic } from "./traffic.ts";

export interface Viewer {
  show(scene: Scene): void;
  /** `at` counts from the start of the release, in milliseconds. */
  event(event: EventView): void;
}

export interface Live {
  /** From now on this release is written down and shown, on top of that stable version. */
  begin(plan: PlannedRelease, stable: string): Ledger;
  /** Shows the present moment, beside the regular ones. */
  show(): void;
  /** May be called again. */
  readonly stop: () => void;
}

interface Current {
  readonly plan: PlannedRelease;
  readonly stable: string;
  readonly number: number;
  readonly ledger: Ledger;
  readonly startedAt: number;
  readonly events: EventView[];
  step: number;
}

const TICK_MS = 250;
/** Events carry whole seconds. */
const EVENT_ROUNDING_MS = 1000;

/** Follows the API server and the load, and shows a scene four times a second while a release is under way. */
export function goLive(stage: Stage, badness: Badness, count: number, viewer: Viewer): Live {
  const follower = createFollower(stage.lab.cluster.kubeconfig);
  const traffic = createTraffic();
  let observed: Observed = { status: undefined, weight: 0, pods: [] };
  let current: Current | undefined;
  let releases = 0;

  function show(): void {
    const now = Date.now();
    traffic.sample(now, stage.load.snapshot());
    if (current === undefined) return;
    const { plan } = current;
    const words = { description: describeRelease(plan, badness), command: applyCommand, change: changeOf(plan) };
    const scene = composeScene({ ...current, ...words, count, observed, traffic, now });
    current.step = scene.step;
    viewer.show(scene);
  }

  observe(follower, (happening) => {
    if (happening.kind === "change") {
      ({ observed } = happening);
      current?.ledger.note(observed);
    } else if (current !== undefined && happening.event.at >= current.startedAt - EVENT_ROUNDING_MS) {
      const event = { ...happening.event, at: happening.event.at - current.startedAt };
      current.events.push(event);
      viewer.event(event);
    }
  });
  const tick = setInterval(show, TICK_MS);

  return {
    begin(plan, stable) {
      releases += 1;
      const ledger = createLedger(plan);
      current = { plan, stable, number: releases, ledger, startedAt: Date.now(), events: [], step: 0 };
      return ledger;
    },
    show,
    stop() {
      clearInterval(tick);
      follower.stop();
    },
  };
}
