// Writes the files that are made from the source. `--check` writes nothing and fails when one is out of date.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { createSupervisor } from "../test/cluster/processes/supervisor.ts";
import { helmFor } from "../test/lab/helm.ts";
import { generatedFiles } from "./generate/generated-files.ts";
import { plainManifests } from "./generate/plain-manifests.ts";

const root = dirname(import.meta.dirname);
const { values } = parseArgs({
  options: { check: { type: "boolean" }, manifests: { type: "boolean" }, help: { type: "boolean", short: "h" } },
});

if (values.help) {
  console.log(
    `npm run generate                 writes the CRD, the reference pages, the chart's values and Argo CD's manifests
npm run generate -- --manifests  writes deploy/ from the chart; builds Helm once
npm run generate -- --check      says which files are out of date, and writes none`,
  );
} else {
  for (const [path, text] of values.manifests ? await renderedManifests() : await generatedFiles()) {
    if ((await currentText(path)) === text) continue;
    if (values.check) {
      process.exitCode = 1;
      console.error(`${path} is out of date: run npm run generate${values.manifests ? " -- --manifests" : ""}`);
    } else {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
      console.log(`wrote ${path}`);
    }
  }
}

async function renderedManifests(): Promise<ReadonlyMap<string, string>> {
  const supervisor = await createSupervisor();
  try {
    // What is only rendered needs no cluster.
    const helm = await helmFor({ supervisor, kubeconfig: "", runFolder: supervisor.folder });
    return await plainManifests(root, helm);
  } finally {
    await supervisor.stop();
  }
}

async function currentText(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(root, path), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
