import type { RolloutStatus } from "../../../src/api/rollout-status.ts";
import { fieldManager, rolloutLabel } from "../../../src/api/names.ts";
import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";
import { controllerOf, imageOf, sizeOf } from "./controllers.ts";
import type { StoredEvent } from "./memory-store.ts";
import type { SimWorld } from "./sim-world.ts";

interface Destination {
  readonly weight?: number;
  readonly destination: { readonly subset?: string };
}

/**
 * Watches every version of every object that is ever stored, and says what must not be: the invariants of the design
 * that can be seen there.
 */
export class Watchdog {
  readonly violations = new Set<string>();
  readonly #world: SimWorld;
  readonly #proven = new Set<string>(["product:v1"]);
  /** Every event that was ever to be told. */
  readonly #promised = new Map<string, string>();
  #canaryWeight = 0;
  #rolledBackAt: number | undefined;

  constructor(world: SimWorld) {
    this.#world = world;
    world.store.onEvent((event) => this.#look(event));
  }

  #look(event: StoredEvent): void {
    switch (event.plural) {
      case "rollouts":
        return this.#lookAtStatus(event.object.status ?? {});
      case "virtualservices":
        return event.kind === "deleted" ? undefined : this.#lookAtRoute(event);
      case "deployments":
        return this.#lookAtDeployment(event.object);
      case "replicasets":
        return this.#lookAtReplicaSet(event.object);
    }
  }

  #lookAtStatus(status: Partial<RolloutStatus>): void {
    for (const { name, reason } of status.pendingEvents ?? []) this.#promised.set(name, reason);
    const { release, canary } = status;
    if (release?.decision === "Promote" && canary !== undefined) this.#proven.add(canary.image);
    if (release?.decision === "Rollback") this.#rolledBackAt ??= this.#world.now;
    else this.#rolledBackAt = undefined;
  }

  #lookAtRoute({ object, manager }: StoredEvent): void {
    const http = (object.spec?.["http"] ?? []) as { readonly route: readonly Destination[] }[];
    for (const { route } of http) {
      const sum = route.reduce((all, { weight = route.length === 1 ? 100 : 0 }) => all + weight, 0);
      this.#expect(sum === 100, `weights of a stored route add up to ${sum}`);
    }
    const before = this.#canaryWeight;
    const weight = canaryWeightIn(http[0]?.route ?? []);
    this.#canaryWeight = weight;
    // What was sent before the operator thought better of it may arrive later.
    if (manager === fieldManager && weight > 0 && weight !== before && !this.#world.isLate)
      this.#lookAtGain(weight, weight > before);
  }

  #lookAtGain(weight: number, isMore: boolean): void {
    const { release, canary } = this.#world.status;
    const asked = release?.traffic?.weight;
    this.#expect(asked === weight, `the canary was given ${weight} % while the status asked for ${asked ?? "nothing"}`);
    this.#expect(release?.decision !== "Rollback", "the canary was given traffic after a rollback was decided");
    if (!isMore) return;
    const replicaSet = this.#world.object("replicasets", canary?.replicaSet);
    this.#expect(Number(replicaSet?.status?.["readyReplicas"] ?? 0) > 0, "a canary without ready pods gained traffic");
  }

  #lookAtDeployment(deployment: KubernetesObject): void {
    if (this.#world.wasUnheld || deployment.spec?.["paused"] === true) return;
    if (deployment.metadata.labels?.[rolloutLabel] === undefined) return;
    const image = imageOf(deployment);
    this.#expect(this.#proven.has(image), `the Deployment was let go with ${image}, which nothing has proven`);
  }

  #lookAtReplicaSet(replicaSet: KubernetesObject): void {
    if (this.#world.wasUnheld || sizeOf(replicaSet) === 0) return;
    const isDeployments = controllerOf(replicaSet) === this.#world.object("deployments")?.metadata.uid;
    if (isDeployments)
      this.#expect(
        this.#proven.has(imageOf(replicaSet)),
        `the Deployment runs ${imageOf(replicaSet)}, which nothing has proven`,
      );
  }

  /** What must be so at any time; asked once a second. */
  tick(): void {
    if (this.#rolledBackAt === undefined || this.#canaryWeight === 0) return;
    const since = (this.#world.now - this.#rolledBackAt) / 1_000;
    this.#expect(
      since <= longestWayBack,
      `the canary still has traffic ${longestWayBack} s after the rollback was decided`,
    );
  }

  /** What must be so once all is over and told. */
  finish(): void {
    const told = new Set(this.#world.store.list("events").map(({ metadata }) => metadata.name));
    for (const [name, reason] of this.#promised) this.#expect(told.has(name), `event ${reason} was never told`);
    const reasons = this.#world.reasons();
    for (const reason of onceARelease) {
      const often = reasons.filter((one) => one === reason).length;
      const releases = this.#world.status.releases ?? 1;
      this.#expect(often <= releases, `event ${reason} was told ${often} times in ${releases} releases`);
    }
    for (const mistake of this.#world.mistakes)
      this.violations.add(`a mistake: ${mistake.split("\n").slice(0, 3).join(" ")}`);
  }

  #expect(holds: boolean, violation: string): void {
    if (!holds) this.violations.add(violation);
  }
}

function canaryWeightIn(route: readonly Destination[]): number {
  return route.find(({ destination }) => destination.subset === "canary")?.weight ?? 0;
}

/** Seconds, with writes that fail now and then. */
const longestWayBack = 30;

const onceARelease = [
  "ReleaseStarted",
  "Promoted",
  "RollbackStarted",
  "RolledBack",
  "AnalysisFailed",
  "Baking",
  "Adopting",
];
