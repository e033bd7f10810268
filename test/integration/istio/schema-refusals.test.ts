import { beforeAll, describe, expect, test } from "vitest";
import { goldenCases, type GoldenCase, type KubernetesObject } from "../../unit/cluster/golden.ts";
import { kubectl, kubectlOutput } from "../kubectl.ts";

const namespace = "schema-refusals-test";

/** What the API server was seen to refuse by the schema of Istio's definitions, without asking istiod. */
const cases = goldenCases().filter(({ expected }) => expected.refused?.by === "kube-apiserver, CRD schema");

beforeAll(async () => {
  await kubectlOutput(["apply", "-f", "-"], { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

const nameOf = ({ kind, metadata }: KubernetesObject) => `${kind}/${metadata.name}`;

/** How the API server answers to the creation of an object of the case, without creating it. */
function create(object: KubernetesObject) {
  const here = { ...object, metadata: { ...object.metadata, namespace } };
  return kubectl(["create", "--dry-run=server", "--validate=false", "-f", "-"], here);
}

interface Complaint {
  readonly field: string;
  /** Istio's own sentence; undefined where the words are the API server's, which differ from version to version. */
  readonly sentence: string | undefined;
}

/** What the recorded message complains about. */
function complaintsOf({ expected }: GoldenCase): readonly Complaint[] {
  const message = expected.refused?.message ?? "";
  const list = message.slice(message.indexOf("is invalid: ") + "is invalid: ".length).replace(/^\[|\]$/g, "");
  return list
    .split(/, (?=spec\.|<nil>)/)
    .filter((complaint) => complaint.startsWith("spec."))
    .map((complaint) => ({
      field: complaint.slice(0, complaint.indexOf(": ")),
      sentence: /: Invalid value: "\w+": (must be .*)$/.exec(complaint)?.[1],
    }));
}

describe("the installed definitions refuse what Istio's were seen to refuse", () => {
  test("in all recorded cases", () => {
    expect(cases.map(({ name }) => name.slice(0, 3))).toEqual(["011", "023", "103", "104", "105", "106", "164"]);
  });

  test.each(cases.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const refused = each.manifests.find((object) => nameOf(object) === each.expected.refused?.object);
    const { code, stderr } = await create(refused!);
    expect(code).toBe(1);
    const complaints = complaintsOf(each);
    expect(complaints.length).toBeGreaterThan(0);
    for (const { field, sentence = "" } of complaints) {
      expect(stderr).toContain(`${field}: `);
      expect(stderr).toContain(sentence);
    }
  });

  test.each(cases.map((each) => [each.name, each] as const))("%s: nothing else of it is refused", async (_, each) => {
    const others = each.manifests.filter(
      (object) => object.kind !== "Service" && nameOf(object) !== each.expected.refused?.object,
    );
    for (const object of others) expect(await create(object)).toMatchObject({ code: 0 });
  });
});
