import { rolloutLabel } from "../../../src/api/names.ts";
import { withImage, type HoldBench, type Outcome } from "./hold-bench.ts";
import type { DeploymentManifest } from "./workbench.ts";

/** A way in which people and tools write to a Deployment. */
export interface Change {
  /** For the title of a test: "a change by …". */
  readonly by: string;
  readonly run: (bench: HoldBench, manifest: DeploymentManifest) => Promise<Outcome>;
}

const target = ({ metadata }: DeploymentManifest) => `deployment/${metadata.name}`;
const v2 = (manifest: DeploymentManifest) => withImage(manifest, "shop/app:v2");

const apply = (bench: HoldBench, manifest: object, ...how: readonly string[]) =>
  bench.kubectl(["apply", "-f", "-", ...how], manifest);

const edit = (bench: HoldBench, manifest: DeploymentManifest) =>
  bench.kubectl(["edit", target(manifest)], undefined, { KUBE_EDITOR: "sed -i s|shop/app:v1|shop/app:v2|" });

/** `kubectl replace` puts the whole object: what the file does not say is as if it had never been said. */
const replace = (bench: HoldBench, manifest: DeploymentManifest, labels: object) =>
  bench.kubectl(["replace", "-f", "-"], { ...v2(manifest), metadata: { ...manifest.metadata, labels } });

const twice = async (once: () => Promise<Outcome>) => {
  const first = await once();
  return first.code === 0 ? once() : first;
};

/** Every one changes the template. */
export const templateChanges: readonly Change[] = [
  { by: "set image", run: (bench, it) => bench.kubectl(["set", "image", target(it), "app=shop/app:v2"]) },
  { by: "edit", run: edit },
  { by: "client-side apply", run: (bench, it) => apply(bench, v2(it)) },
  { by: "client-side apply, twice", run: (bench, it) => twice(() => apply(bench, v2(it))) },
  {
    by: "client-side apply that says paused: false",
    run: (bench, it) => twice(() => apply(bench, { ...v2(it), spec: { ...v2(it).spec, paused: false } })),
  },
  {
    by: "forced server-side apply, twice",
    run: (bench, it) =>
      twice(() => apply(bench, v2(it), "--server-side", "--force-conflicts", "--field-manager=argocd")),
  },
  {
    by: "server-side apply of the manager that owns the template",
    run: async (bench, it) => {
      const how = ["--server-side", "--field-manager=flux"] as const;
      const taken = await apply(bench, it, ...how, "--force-conflicts");
      return taken.code === 0 ? apply(bench, v2(it), ...how) : taken;
    },
  },
  { by: "replace", run: (bench, it) => replace(bench, it, { [rolloutLabel]: it.metadata.name }) },
  { by: "replace, twice", run: (bench, it) => twice(() => replace(bench, it, { [rolloutLabel]: it.metadata.name })) },
  { by: "replace without our label", run: (bench, it) => replace(bench, it, {}) },
  { by: "rollout restart", run: (bench, it) => bench.kubectl(["rollout", "restart", target(it)]) },
  { by: "rollout undo", run: (bench, it) => bench.kubectl(["rollout", "undo", target(it)]) },
  {
    by: "a patch that takes our label off as well",
    run: (bench, it) => {
      const containers = [{ name: "app", image: "shop/app:v2" }];
      const patch = { metadata: { labels: { [rolloutLabel]: null } }, spec: { template: { spec: { containers } } } };
      return bench.kubectl(["patch", target(it), "-p", JSON.stringify(patch)]);
    },
  },
];

/** None changes the template; all go through, and nothing is paused by them. */
export const harmlessChanges: readonly Change[] = [
  { by: "scale", run: (bench, it) => bench.kubectl(["scale", target(it), "--replicas=3"]) },
  {
    by: "a write of the scale subresource, as the HPA makes it",
    run: (bench, it) =>
      bench.kubectl([
        "patch",
        target(it),
        "--subresource=scale",
        "--type=merge",
        "-p",
        JSON.stringify({ spec: { replicas: 4 } }),
      ]),
  },
  { by: "annotate", run: (bench, it) => bench.kubectl(["annotate", target(it), "team=shop"]) },
  { by: "taking our label off alone", run: (bench, it) => bench.kubectl(["label", target(it), `${rolloutLabel}-`]) },
  { by: "apply of what is there", run: (bench, it) => apply(bench, it) },
];
