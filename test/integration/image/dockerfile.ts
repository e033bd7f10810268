// Carries out a Dockerfile without a container engine: its stages are folders, its commands run in them.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** What an image is started with. */
export interface Image {
  /** Its working directory, below `root`. */
  readonly folder: string;
  /** The whole file system of the last stage, as far as the Dockerfile put anything into it. */
  readonly root: string;
  readonly from: string;
  readonly user: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
}

/** Instructions in their order, comments left out. */
export function instructionsIn(text: string): readonly Instruction[] {
  const lines = text.replaceAll(/\\\n/g, " ").split("\n");
  return lines
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => {
      const [word = "", ...rest] = line.trim().split(/\s+/);
      return { word: word.toUpperCase(), rest: rest.join(" ") };
    });
}

interface Stage {
  readonly root: string;
  readonly from: string;
  folder: string;
  user: string | undefined;
  environment: Record<string, string>;
  entrypoint: readonly string[];
  command: readonly string[];
}

/**
 * Builds the image of `context` below `target`. The base images are not there: what they give, a shell and Node, is the
 * machine's, so `node` is first in the path that commands see.
 */
export async function buildImage(context: string, target: string, node: string): Promise<Image> {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { word, rest } of instructionsIn(readFileSync(join(context, "Dockerfile"), "utf8"))) {
    if (word === "FROM") {
      const [from = "", , name = String(stages.size)] = rest.split(" ");
      stage = newStage(join(target, name), from);
      stages.set(name, stage);
    } else if (stage !== undefined) await carryOut({ word, rest }, { stage, stages, context, node });
  }
  if (stage === undefined) throw new RangeError("the Dockerfile has no FROM");
  const { root, from, folder, user, environment, entrypoint, command } = stage;
  return { root, from, folder, user, environment, command: [...entrypoint, ...command] };
}

function newStage(root: string, from: string): Stage {
  mkdirSync(root, { recursive: true });
  return { root, from, folder: root, user: undefined, environment: {}, entrypoint: [], command: [] };
}

interface Surroundings {
  readonly stage: Stage;
  readonly stages: ReadonlyMap<string, Stage>;
  readonly context: string;
  readonly node: string;
}

async function carryOut({ word, rest }: Instruction, around: Surroundings): Promise<void> {
  const { stage } = around;
  switch (word) {
    case "WORKDIR":
      stage.folder = join(stage.root, rest);
      mkdirSync(stage.folder, { recursive: true });
      return;
    case "COPY":
      return copy(rest, around);
    case "RUN":
      return run(rest, around);
    case "ENV": {
      const [name = "", value = ""] = rest.split("=");
      stage.environment[name] = value;
      return;
    }
    case "USER":
      stage.user = rest;
      return;
    case "ENTRYPOINT":
      stage.entrypoint = JSON.parse(rest) as string[];
      return;
    case "CMD":
      stage.command = JSON.parse(rest) as string[];
      return;
    default:
      throw new RangeError(`${word} is not known here`);
  }
}

function copy(rest: string, { stage, stages, context }: Surroundings): void {
  const words = rest.split(" ");
  const named = words[0]?.startsWith("--from=") === true ? words.shift()?.slice("--from=".length) : undefined;
  const source = named === undefined ? context : (stages.get(named)?.root ?? "");
  const destination = words.pop() ?? "";
  for (const word of words) {
    const from = join(source, word);
    // A folder is copied as what is in it, files go into a folder.
    const to = statSync(from).isDirectory()
      ? join(stage.folder, destination)
      : join(stage.folder, destination, basename(word));
    cpSync(from, to, { recursive: true });
  }
}

async function run(rest: string, { stage, node }: Surroundings): Promise<void> {
  const env = { ...process.env, ...stage.environment, PATH: `${node}:${process.env["PATH"] ?? ""}` };
  await execute("/bin/sh", ["-ec", rest], { cwd: stage.folder, env, maxBuffer: 16 * 1024 * 1024 });
}
