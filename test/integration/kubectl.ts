import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import { until } from "../cluster/processes/until.ts";
import type {} from "./provided.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl against the shared cluster; resolves whatever the exit code is. */
export function kubectl(args: readonly string[], input: object | string = ""): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const child = spawn(inject("kubectl"), ["--kubeconfig", inject("kubeconfig"), ...args]);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  child.on("error", reject);
  child.on("close", (code) => resolve({ code: code ?? -1, ...output }));
  child.stdin.end(typeof input === "string" ? input : JSON.stringify(input));
  return promise;
}

/** The standard output of a kubectl that must succeed. */
export async function kubectlOutput(args: readonly string[], input?: object | string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}

const rolloutDefinition = fileURLToPath(new URL("../../crds/rollouts.serin.dev.yaml", import.meta.url));

/**
 * Has the shared cluster serve Rollouts as the repository defines them. kubectl's own wait fails for a definition that has no
 * conditions yet, and a condition is older than the answers.
 */
export async function serveRollouts(): Promise<void> {
  await kubectlOutput(["apply", "--server-side", "--force-conflicts", "-f", rolloutDefinition]);
  const isServed = async () => (await kubectl(["get", "rollouts.serin.dev", "-n", "default"])).code === 0;
  await until(isServed, { timeout: 30_000, every: 200, what: "an answer about Rollouts" });
}
