import type { Command } from "commander";
import { renderExplanation } from "../render-explanation.ts";
import { renderHistory } from "../render-history.ts";
import { findRollout } from "../rollout-lookup.ts";
import type { RunCommand } from "../run-command.ts";

/** Adds `explain` and `history`. */
export function addShowCommands(program: Command, run: RunCommand): void {
  program
    .command("explain")
    .description("say why a Rollout stands where it stands, and what to do next")
    .argument("[rollout]", "name of the Rollout; may be left out when there is one")
    .action(
      run<[string | undefined]>(async ({ connection, terminal, paint, signal }, name) => {
        const { rollout } = await findRollout(connection, name, signal);
        terminal.print(renderExplanation(rollout, paint));
      }),
    );

  program
    .command("history")
    .description("list the releases that have ended")
    .argument("[rollout]", "name of the Rollout; may be left out when there is one")
    .action(
      run<[string | undefined]>(async ({ connection, terminal, signal }, name) => {
        const { rollout } = await findRollout(connection, name, signal);
        terminal.print(renderHistory(rollout.status.history ?? []));
      }),
    );
}
