// Makes the site out of the repository's pages: dist/site. `--check` writes nothing and fails when a link leads nowhere.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./run/steps.ts";
import { addressOf, sections } from "./site/pages.ts";
import { renderSite } from "./site/render.ts";

const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
const target = join(root, "dist", "site");

function read(path: string): string | undefined {
  const file = join(root, path);
  if (!existsSync(file)) return undefined;
  // A folder is there, and has nothing to read.
  return statSync(file).isDirectory() ? "" : readFileSync(file, "utf8");
}

if (values.help) {
  console.log(
    "npm run site             makes dist/site\nnpm run site -- --check  says which links lead nowhere, and writes nothing",
  );
} else {
  const decisions = { title: "Decisions", pages: globSync("docs/adr/*.md", { cwd: root }).sort() };
  const { files, broken } = renderSite([...sections, decisions], read);
  const left = globSync("docs/**/*.md", { cwd: root }).filter((page) => !files.has(addressOf(page)));
  broken.push(...left.map((page) => `nothing leads to ${page}: write it into scripts/site/pages.ts`));
  for (const problem of broken) console.error(problem);
  if (broken.length > 0) process.exitCode = 1;
  else if (!values.check) {
    rmSync(target, { recursive: true, force: true });
    for (const [address, text] of files) {
      mkdirSync(dirname(join(target, address)), { recursive: true });
      writeFileSync(join(target, address), text);
    }
    console.log(`${files.size} files in dist/site: open dist/site/index.html`);
  }
}
