import { listAt, numberAt, textAt, valueAt } from "./json-fields.ts";

/** How a PersistentVolumeClaim may be mounted; undefined when the claim is not there or cannot be read. */
export type AccessModesOf = (claim: string) => readonly string[] | undefined;

/** Names of the PersistentVolumeClaims that a pod template mounts. Those made for each pod anew are not among them. */
export function claimsOf(template: unknown): readonly string[] {
  return listAt(template, "spec", "volumes").flatMap(
    (volume) => textAt(volume, "persistentVolumeClaim", "claimName") ?? [],
  );
}

/** Why pods of two versions cannot run side by side, and what to change; undefined when they can. */
export function notSupported(deployment: unknown, accessModesOf: AccessModesOf): string | undefined {
  const template = valueAt(deployment, "spec", "template");
  return recreates(deployment) ?? hostPortOf(template) ?? exclusiveClaimOf(template, accessModesOf);
}

function recreates(deployment: unknown): string | undefined {
  if (textAt(deployment, "spec", "strategy", "type") !== "Recreate") return undefined;
  return "spec.strategy.type is Recreate, which says that two versions must not run side by side; write RollingUpdate if they may";
}

function hostPortOf(template: unknown): string | undefined {
  const containers = [...listAt(template, "spec", "containers"), ...listAt(template, "spec", "initContainers")];
  for (const container of containers) {
    const port = listAt(container, "ports").find((candidate) => numberAt(candidate, "hostPort") > 0);
    if (port === undefined) continue;
    const name = textAt(container, "name") ?? "";
    return `container ${name} has hostPort ${numberAt(port, "hostPort")}, so a node cannot run both versions; leave hostPort out`;
  }
  return undefined;
}

function exclusiveClaimOf(template: unknown, accessModesOf: AccessModesOf): string | undefined {
  const claim = claimsOf(template).find((name) => {
    const modes = accessModesOf(name);
    return modes !== undefined && !modes.some((mode) => mode === "ReadWriteMany" || mode === "ReadOnlyMany");
  });
  if (claim === undefined) return undefined;
  const modes = accessModesOf(claim)?.join(", ") ?? "";
  return `PersistentVolumeClaim ${claim} is ${modes}, so two versions cannot both have it; use ReadWriteMany or an ephemeral volume`;
}
