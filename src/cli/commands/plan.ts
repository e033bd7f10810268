import type { Command } from "commander";
import { durationPattern, parseDuration } from "../../api/instant.ts";
import { CommandError } from "../command-error.ts";
import { renderPlan } from "../render-plan.ts";
import { findRollout } from "../rollout-lookup.ts";
import type { RunCommand } from "../run-command.ts";

interface PlanOptions {
  readonly rate: string;
  readonly scrapeInterval: string;
}

/** Adds `plan`. */
export function addPlanCommand(program: Command, run: RunCommand): void {
  program
    .command("plan")
    .description("say how long a release will take, and how soon a bad one is found")
    .argument("[rollout]", "name of the Rollout; may be left out when there is one")
    .requiredOption("--rate <number>", "requests per second to the Service, such as 0.5 or 200")
    .option("--scrape-interval <duration>", "how often Prometheus scrapes the callers", "15s")
    .action(
      run<[string | undefined, PlanOptions]>(async (context, name, options) => {
        const play = readPlay(options);
        const { connection, terminal, signal } = context;
        const { rollout } = await findRollout(connection, name, signal);
        if (rollout.spec === undefined)
          throw new CommandError(`the spec of ${rollout.key.name} cannot be understood: serin explain says why`, 1);
        terminal.print(renderPlan(rollout.spec, play));
      }),
    );
}

function readPlay({ rate, scrapeInterval }: PlanOptions): { readonly rate: number; readonly interval: number } {
  const number = Number(rate);
  if (rate.trim() === "" || !Number.isFinite(number) || number < 0)
    throw new CommandError(`--rate ${rate}: write requests per second, such as 0.5 or 200`, 2);
  if (!new RegExp(durationPattern).test(scrapeInterval) || parseDuration(scrapeInterval) === 0)
    throw new CommandError(`--scrape-interval ${scrapeInterval}: write a duration such as 5s or 1m`, 2);
  return { rate: number, interval: parseDuration(scrapeInterval) };
}
