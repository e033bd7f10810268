// The custom resource definitions of others that a release meets: Istio's and those of the Gateway API.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { kind } from "./kubernetes.ts";
import type { KubernetesClient, KubernetesObject } from "./kubernetes.ts";
import { until } from "./processes/until.ts";

interface Definition extends KubernetesObject {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly served: boolean }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export const Definitions = kind<Definition>("apiextensions.k8s.io/v1", "CustomResourceDefinition");

/** Every definition in the YAML files of a folder. */
export function readDefinitions(folder: string): Definition[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), "utf8")))
    .map((document) => document.toJS() as Definition | null)
    .filter((object) => object?.kind === "CustomResourceDefinition")
    .map((object) => object as Definition);
}

/** Creates the definitions in a new cluster; resolves when the server answers for every one of them. */
export async function installDefinitions(client: KubernetesClient, definitions: readonly Definition[]): Promise<void> {
  // Creating costs the API server half of what applying does: there are no fields of others to merge with.
  await Promise.all(definitions.map((definition) => client.create(definition)));
  const names = new Set(definitions.map((definition) => definition.metadata?.name));
  await client.watchUntil(
    { kind: Definitions, what: "the condition Established of every custom resource definition" },
    (all) => all.filter((one) => names.has(one.metadata?.name)).filter(isEstablished).length === names.size,
  );
  await Promise.all(definitions.map((definition) => awaitServed(client, definition)));
}

function isEstablished({ status }: Definition): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") ?? false;
}

async function awaitServed(client: KubernetesClient, { spec, metadata }: Definition): Promise<void> {
  const version = spec.versions.find(({ served }) => served)?.name ?? "";
  const path = `/apis/${spec.group}/${version}/${spec.names.plural}`;
  const what = `an answer for ${metadata?.name ?? path}`;
  await until(async () => (await client.raw(path, { query: { limit: "1" } })) !== undefined, { timeout: 30_000, what });
}
