// What the control plane reads at its start: keys, the administrator's token, kubeconfigs.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";

export interface ControlPlaneFiles {
  readonly folder: string;
  readonly token: string;
  readonly tokenFile: string;
  readonly accountKey: string;
  readonly accountPublicKey: string;
  readonly certificates: string;
  readonly kubeconfig: string;
  readonly auditPolicy: string;
  readonly auditLog: string;
}

/** Who asked for what and whether it was allowed, of service accounts only: all else is the tests' own. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata", userGroups: ["system:serviceaccounts"] }, { level: "None" }],
};

function writeSecret(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

export function writeControlPlaneFiles(folder: string): ControlPlaneFiles {
  const token = randomBytes(32).toString("hex");
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    folder,
    token,
    tokenFile: writeSecret(join(folder, "tokens.csv"), `${token},administrator,administrator,system:masters\n`),
    accountKey: writeSecret(
      join(folder, "accounts.key"),
      privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    ),
    accountPublicKey: writeSecret(
      join(folder, "accounts.pub"),
      publicKey.export({ type: "spki", format: "pem" }).toString(),
    ),
    certificates: join(folder, "apiserver"),
    kubeconfig: join(folder, "kubeconfig"),
    auditPolicy: writeSecret(join(folder, "audit-policy.yaml"), stringify(auditPolicy)),
    auditLog: join(folder, "audit.log"),
  };
}

/** The certificate that the API server made for itself, which is also what to trust. */
export function certificatePath(files: ControlPlaneFiles): string {
  return join(files.certificates, "apiserver.crt");
}

export function writeKubeconfig(files: ControlPlaneFiles, server: string): void {
  const ca = readFileSync(certificatePath(files)).toString("base64");
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server, "certificate-authority-data": ca } }],
    users: [{ name: "administrator", user: { token: files.token } }],
    contexts: [{ name: "local", context: { cluster: "local", user: "administrator", namespace: "default" } }],
    "current-context": "local",
  });
  writeSecret(files.kubeconfig, text);
}
