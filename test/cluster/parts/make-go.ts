// Building parts with Go.
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { explain, missingGo } from "./failure.ts";
import { thousands } from "./progress.ts";
import type { GoFamily, ModuleFilesFamily, PartRecipe } from "./recipe.ts";
import { findPrograms, runTool } from "./tools.ts";
import type { Workshop } from "./tools.ts";

const OLDEST_MINOR = 26;

/** What decides the outcome, whatever the machine's own settings are. */
const SETTINGS = { GOFLAGS: "-mod=readonly", GOWORK: "off", GO111MODULE: "on", CGO_ENABLED: "0" };

interface Go {
  readonly shop: Workshop;
  readonly command: string;
  readonly cwd: string;
}

/** Go, if it is new enough. One that can fetch a newer one for the module does so here. */
async function findGo(shop: Workshop, parts: readonly PartRecipe[], cwd: string): Promise<Go> {
  const command = findPrograms("go", shop.env["PATH"])[0];
  if (command === undefined) throw missingGo(parts, "there is no go on the PATH");
  const go = { shop: { ...shop, env: { ...shop.env, ...SETTINGS } }, command, cwd };
  const answer = await runGo(go, ["version"]);
  const minor = /go1\.(\d+)/.exec(answer.stdout)?.[1];
  if (answer.code !== 0 || minor === undefined) throw missingGo(parts, answer.stderr.trim().split("\n").at(-1) ?? "");
  if (Number(minor) < OLDEST_MINOR) throw missingGo(parts, `this is Go 1.${minor}`);
  return go;
}

function runGo(go: Go, args: readonly string[], onLine?: (line: string) => void): ReturnType<typeof runTool> {
  const { shop, command, cwd } = go;
  return runTool(shop, { name: "go", command, args, cwd, graceMs: 1000 }, onLine && ((line) => onLine(line)));
}

/** How many packages there are, and how many of them Go has compiled before. Fetches the modules it needs. */
async function countPackages(go: Go, family: GoFamily, parts: readonly PartRecipe[]): Promise<[number, number]> {
  let fetched = 0;
  const format = "{{.Stale}} {{.StaleReason}}";
  const args = ["list", "-deps", "-trimpath", "-buildvcs=false", ...family.flags, "-f", format, ...packagesOf(parts)];
  const { code, stdout, stderr } = await runGo(go, args, (line) => {
    if (!line.startsWith("go: downloading ")) return;
    fetched += 1;
    go.shop.onProgress({ subject: family.title, text: `fetched ${thousands(fetched)} Go modules` });
  });
  if (code !== 0) throw explain(family, parts, stderr);
  const packages = stdout.trim().split("\n");
  const compiled = packages.filter((line) => line.startsWith("false") || line.includes("available in build cache"));
  return [packages.length, compiled.length];
}

function packagesOf(parts: readonly PartRecipe[]): string[] {
  return parts.map((part) => part.package ?? "");
}

/** `go build` names a binary after the last element of its path that is not a major version. */
function outputName(path: string): string {
  return basename(path.replace(/\/v\d+$/, ""));
}

/** Builds the parts into `folder`, each under its own name. */
export async function buildWithGo(
  shop: Workshop,
  family: GoFamily,
  parts: readonly PartRecipe[],
  folder: string,
): Promise<void> {
  const go = await findGo(shop, parts, family.folder);
  shop.onProgress({ subject: family.title, text: "looking at its packages" });
  const [total, before] = await countPackages(go, family, parts);
  let compiled = before;
  const report = (): void => {
    const text =
      compiled < total ? `compiled ${thousands(compiled)} of ${thousands(total)} packages` : "compiled, linking";
    shop.onProgress({ subject: family.title, text, share: compiled / total });
  };
  report();
  const out = join(folder, "go");
  mkdirSync(out);
  const args = ["build", "-v", "-trimpath", "-buildvcs=false", ...family.flags, "-o", `${out}/`, ...packagesOf(parts)];
  const { code, stderr } = await runGo(go, args, (line) => {
    if (/[\s:]/.test(line)) return;
    compiled = Math.min(compiled + 1, total);
    report();
  });
  if (code !== 0) throw explain(family, parts, stderr);
  for (const part of parts) renameSync(join(out, outputName(part.package ?? "")), join(folder, part.name));
}

interface Downloaded {
  readonly Path: string;
  readonly Dir?: string;
  readonly Error?: string;
}

/** Copies the family's files out of their modules into a folder with the part's name. */
export async function copyModuleFiles(
  shop: Workshop,
  family: ModuleFilesFamily,
  parts: readonly PartRecipe[],
  folder: string,
): Promise<void> {
  const go = await findGo(shop, parts, family.folder);
  shop.onProgress({ subject: family.title, text: "fetching" });
  const { code, stdout, stderr } = await runGo(go, ["mod", "download", "-json", ...Object.keys(family.files)]);
  if (code !== 0) throw explain(family, parts, `${stderr}\n${stdout}`);
  const modules = JSON.parse(`[${stdout.trim().replaceAll("}\n{", "},\n{")}]`) as Downloaded[];
  for (const part of parts) {
    const target = join(folder, part.name);
    mkdirSync(target);
    for (const { Path, Dir = "" } of modules) {
      for (const file of filesAt(join(Dir, family.files[Path] ?? ""))) {
        // Written anew, because files and folders of modules are read-only and the copy must be removable.
        writeFileSync(join(target, `${Path.replaceAll("/", "-")}-${basename(file)}`), readFileSync(file));
      }
    }
  }
}

function filesAt(path: string): string[] {
  return statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path];
}
