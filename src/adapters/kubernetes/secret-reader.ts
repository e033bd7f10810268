import type { ObjectKey } from "../../api/object-key.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "../../ports/kubernetes-objects.ts";

const secrets: Resource = { group: "", version: "v1", plural: "secrets" };

/** The members of a Secret as text. Rejects with a sentence that names the Secret and none of what it holds. */
export async function readSecret(
  objects: Pick<KubernetesObjects, "read">,
  { namespace, name }: ObjectKey,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  let secret: KubernetesObject | undefined;
  try {
    secret = await objects.read(secrets, namespace, name, signal);
  } catch (error) {
    const why = error instanceof Error ? error.message : "unknown error";
    throw new Error(`Secret ${namespace}/${name} cannot be read: ${why}`, { cause: error });
  }
  if (secret === undefined) throw new Error(`there is no Secret ${namespace}/${name}`);
  const { data = {} } = secret as KubernetesObject & { readonly data?: Readonly<Record<string, string>> };
  const members = Object.entries(data);
  return Object.fromEntries(members.map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]));
}
