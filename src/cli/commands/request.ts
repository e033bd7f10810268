import type { Command } from "commander";
import { deployments, rollouts } from "../../adapters/kubernetes/workload-resources.ts";
import { renderInstant } from "../../api/instant.ts";
import { requestAnnotations, type Request } from "../../api/names.ts";
import type { Rollout } from "../../api/rollout.ts";
import { CommandError } from "../command-error.ts";
import { findRollout } from "../rollout-lookup.ts";
import type { CommandContext, RunCommand } from "../run-command.ts";

/** The sentence that says what will happen; throws a CommandError when the request would change nothing. */
type Forecast = (rollout: Rollout) => string;

const requests: Readonly<Record<Request, { readonly description: string; readonly forecast: Forecast }>> = {
  promote: {
    description: "go on past what the release waits for: a pause, a step, missing evidence",
    forecast: (rollout) => {
      const release = undecided(rollout, "promote");
      const { key, spec, requests: asked } = rollout;
      if (spec?.suspend) throw new CommandError(`${key.name} is suspended: set spec.suspend to false first`);
      if (asked.pause !== undefined) throw new CommandError(`${key.name} is paused: say serin resume first`);
      const { step, weight } = rollout.status;
      return `goes on from step ${step ?? String(release.stepIndex + 1)} (${weight ?? 0} %) of release ${release.number} without waiting longer`;
    },
  },
  abort: {
    description: "send all traffic back to stable and reject the revision",
    forecast: (rollout) =>
      `sends all traffic back to ${rollout.status.stable?.image ?? "stable"} and ends release ${undecided(rollout, "abort").number}`,
  },
  retry: {
    description: "release a revision again that was rolled back",
    forecast: ({ key, status }) => {
      if (status.release !== undefined)
        throw new CommandError(`release ${status.release.number} of ${key.name} is under way: ask when it has ended`);
      const last = status.rejected?.[0];
      if (last === undefined)
        throw new CommandError(`${key.name} has rejected no revision: there is nothing to try again`);
      return `releases ${last.image} again if the Deployment still asks for it`;
    },
  },
  pause: {
    description: "keep the release at its weight until it is resumed; a rollback still happens",
    forecast: ({ status }) =>
      status.release === undefined
        ? "keeps the next release at its start until serin resume"
        : `stays at ${status.weight ?? 0} % until serin resume; a rollback still happens`,
  },
};

function undecided({ key, status }: Rollout, request: Request) {
  const { release } = status;
  if (release === undefined)
    throw new CommandError(`${key.name} has no release under way: there is nothing to ${request}`);
  if (release.decision === undefined) return release;
  const ending = release.decision === "Promote" ? "being promoted" : "being rolled back";
  throw new CommandError(`release ${release.number} of ${key.name} is ${ending} already`);
}

/** Adds `promote`, `abort`, `retry`, `pause`, `resume` and `restart`. */
export function addRequestCommands(program: Command, run: RunCommand): void {
  const add = (
    name: string,
    description: string,
    work: (context: CommandContext, rollout: Rollout) => Promise<string>,
  ) =>
    program
      .command(name)
      .description(description)
      .argument("[rollout]", "name of the Rollout; may be left out when there is one")
      .action(
        run<[string | undefined]>(async (context, given) => {
          const { rollout } = await findRollout(context.connection, given, context.signal);
          if (rollout.deleting) throw new CommandError(`${rollout.key.name} is being deleted`);
          context.terminal.print(`${rollout.key.name} ${await work(context, rollout)}`);
        }),
      );

  for (const request of Object.keys(requests) as Request[]) {
    const { description, forecast } = requests[request];
    add(request, description, async (context, rollout) => {
      const sentence = forecast(rollout);
      await annotate(context, rollout, requestAnnotations[request], renderInstant(context.clock.now()));
      return sentence;
    });
  }
  add("resume", "end a pause that was asked for with serin pause", resume);
  add("restart", "re-create all pods as a release, canary first", restart);
}

async function resume(context: CommandContext, rollout: Rollout): Promise<string> {
  if (rollout.requests.pause === undefined) {
    const why = rollout.spec?.suspend
      ? "spec.suspend is set: change it where it is written"
      : "nobody asked for a pause";
    throw new CommandError(`${rollout.key.name} cannot be resumed: ${why}`);
  }
  await annotate(context, rollout, requestAnnotations.pause, null);
  return "goes on";
}

function annotate({ connection, signal }: CommandContext, { key }: Rollout, name: string, value: string | null) {
  const patch = { metadata: { annotations: { [name]: value } } };
  return connection.objects.mergePatch(rollouts, key.namespace, key.name, patch, { signal });
}

/** The annotation that kubectl's own restart sets. */
const restartedAt = "kubectl.kubernetes.io/restartedAt";

async function restart({ connection, clock, signal }: CommandContext, { spec, status, key }: Rollout): Promise<string> {
  if (spec === undefined)
    throw new CommandError(`the spec of ${key.name} cannot be understood, so its Deployment is not known`);
  if (spec.targetRef === undefined)
    throw new CommandError(`${key.name} releases subsets and has no Deployment of its own: restart yours with kubectl`);
  const { name } = spec.targetRef;
  const annotations = { [restartedAt]: renderInstant(clock.now()) };
  const patch = { spec: { template: { metadata: { annotations } } } };
  await connection.objects.mergePatch(deployments, key.namespace, name, patch, { signal });
  if (spec.suspend) return `is suspended, so Deployment ${name} re-creates its pods at once, without a release`;
  if (status.hold === "Off") return `re-creates the pods of Deployment ${name} at once: the hold is switched off`;
  if (status.release === undefined) return `releases Deployment ${name} with new pods of the same image, canary first`;
  if (spec.onNewRevision === "finish")
    return `releases Deployment ${name} again as soon as release ${status.release.number} has ended`;
  return `begins a new release of Deployment ${name}; release ${status.release.number} is superseded`;
}
