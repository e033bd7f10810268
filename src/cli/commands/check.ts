import type { Command } from "commander";
import { destinationRules, services } from "../../adapters/istio/mesh-resources.ts";
import { outlierState, type SubsetNames } from "../../adapters/istio/outlier-detection.ts";
import { targetOf } from "../../adapters/istio/target.ts";
import { deployments } from "../../adapters/kubernetes/workload-resources.ts";
import type { Rollout } from "../../api/rollout.ts";
import { flawsOf } from "../../domain/outliers/flaws.ts";
import { conditionOf } from "../../domain/standing.ts";
import { nextSteps } from "../next-steps.ts";
import { findRollout } from "../rollout-lookup.ts";
import type { CommandContext, RunCommand } from "../run-command.ts";

const help = `
Exit codes: 0 nothing was found; 1 something was, a line each.`;

/** Adds `check`. */
export function addCheckCommand(program: Command, run: RunCommand): void {
  program
    .command("check")
    .description("say before a release what would keep it, or the tuning of outlier detection, from working")
    .argument("[rollout]", "name of the Rollout; may be left out when there is one")
    .addHelpText("after", help)
    .action(
      run<[string | undefined]>(async (context, name) => {
        const { connection, terminal, signal } = context;
        const { rollout } = await findRollout(connection, name, signal);
        const findings = [...standing(rollout), ...(await outliers(context, rollout))];
        if (findings.length === 0)
          return terminal.print(`${rollout.key.name}: nothing stands in the way of a release.`);
        for (const finding of findings) terminal.print(finding);
        terminal.exitWith(1);
      }),
    );
}

/** What the operator has found already. */
function standing({ key, generation, status, problems, spec }: Rollout): readonly string[] {
  if (status.observedGeneration !== generation)
    return [
      `No operator has looked at ${key.name} as it is now: see that one runs, and works in namespace ${key.namespace}.`,
      ...(spec === undefined ? problems : []),
    ];
  const stalled = conditionOf(status, "Stalled");
  const uncounted = conditionOf(status, "PodsCounted");
  return [
    ...(spec === undefined ? problems : []),
    ...(stalled === undefined ? [] : [`${stalled.reason}: ${stalled.message} ${nextSteps[stalled.reason]}`]),
    ...(uncounted?.status === "False" ? [`${uncounted.reason}: ${uncounted.message}`] : []),
  ];
}

/** Outlier detection that cannot work as it is set, and what stands in the way of tuning it. */
async function outliers({ connection, signal }: CommandContext, rollout: Rollout): Promise<readonly string[]> {
  const target = targetOf(rollout);
  const { spec } = rollout;
  if (spec === undefined || target === undefined) return [];
  const { namespace } = target;
  const rule = await connection.objects.read(destinationRules, namespace, target.destinationRule.name, signal);
  if (rule === undefined) return [];
  const service = await connection.objects.read(services, namespace, target.service, signal);
  const state = outlierState(rule, subsetsOf(rollout), service);
  // Of versions that users run themselves the Deployments are not named.
  const workload =
    spec.targetRef && (await connection.objects.read(deployments, namespace, spec.targetRef.name, signal));
  const replicas = Number(workload?.spec?.["replicas"] ?? 0);
  const flaws = flawsOf(state, { stable: replicas, canary: replicas });
  const obstacles = spec.outlierDetection.tuning === "Off" ? [] : state.obstacles;
  return [...flaws, ...obstacles.map((obstacle) => `outlierDetection.tuning: ${obstacle}`)].map((text) => `${text}.`);
}

function subsetsOf({ spec, status: { stable, canary } }: Rollout): SubsetNames {
  if (spec?.subset === undefined || stable === undefined) return { stable: "stable", canary: "canary" };
  return { stable: stable.podTemplateHash, canary: canary?.podTemplateHash ?? spec.subset };
}
