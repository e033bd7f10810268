import { spawn } from "node:child_process";
import { provideParts } from "../../cluster/parts/provide.ts";

/** Asks `gitops-check COMMAND` one question after the other; resolves with as many answers in the same order. */
export async function askGitops<Answer>(command: string, questions: readonly unknown[]): Promise<readonly Answer[]> {
  const { "gitops-check": part } = await provideParts(["gitops-check"]);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(part.path, [command]);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  child.on("error", reject);
  child.on("close", (code) => {
    if (code === 0) resolve(output.stdout);
    else reject(new Error(`gitops-check ${command} ended with ${code}: ${output.stderr}`));
  });
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(""));
  const lines = (await promise).trimEnd().split("\n");
  const answers = lines.map((line) => JSON.parse(line) as Answer & { readonly error?: string });
  if (answers.length !== questions.length)
    throw new Error(`${questions.length} questions, ${answers.length} answers: ${output.stderr}`);
  return answers;
}

/** What kstatus computes for each object. */
export async function kstatusOf(objects: readonly object[]): Promise<readonly string[]> {
  const answers = await askGitops<{ readonly status?: string; readonly error?: string }>("kstatus", objects);
  return answers.map(({ status, error }) => status ?? `error: ${error}`);
}
