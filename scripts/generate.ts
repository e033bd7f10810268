// Writes the files that are made from the source. `--check` writes nothing and fails when one is out of date.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { generatedFiles } from "./generate/generated-files.ts";

const root = dirname(import.meta.dirname);
const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean", short: "h" } } });

if (values.help) {
  console.log(
    "npm run generate            writes the CRD and the reference pages\nnpm run generate -- --check  says which are out of date",
  );
} else {
  for (const [path, text] of generatedFiles()) {
    if ((await currentText(path)) === text) continue;
    if (values.check) {
      process.exitCode = 1;
      console.error(`${path} is out of date: run npm run generate`);
    } else {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
      console.log(`wrote ${path}`);
    }
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
