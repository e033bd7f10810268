import { describe, expect, test } from "vitest";
import { conditionsReference, eventsReference, rolloutReference } from "../../../../scripts/generate/reference.ts";
import { rolloutSchema } from "../../../../src/api/crd.ts";
import { generatedFiles } from "../../../../scripts/generate/generated-files.ts";

describe("the reference of the Rollout", () => {
  const page = rolloutReference();

  test("has a row for each field, with what must be written marked", () => {
    expect(page).toContain(
      "| `spec.targetRef.name` * | string |  | Name of the Deployment, in the Rollout's namespace. |",
    );
    expect(page).toContain("| `spec.steps[].weight` | integer, 0 to 100 |  |");
    expect(page).toContain("| `spec.analysis.errorRate.max` | string | `1%` |");
    expect(page).toContain("| `spec.traffic.unsplit` | `refuse` or `accept` | `refuse` |");
    expect(page).toContain("| `status.history[].outcome` | string |");
  });

  test("has a row for each rule, where it applies", () => {
    expect(page).toContain("| `spec.steps[]` | a step is either a weight or a pause");
    expect(page).toContain("| `spec.service` | a Rollout keeps its Service");
  });

  test("has tables whose rows have as many cells as their head", () => {
    for (const text of [page, conditionsReference(), eventsReference()]) {
      for (const block of text.split("\n\n").filter((part) => part.startsWith("|"))) {
        const cells = block
          .trim()
          .split("\n")
          .map((row) => row.split(/(?<!\\)\|/).length);
        expect(new Set(cells).size).toBe(1);
      }
    }
  });
});

test("the page of conditions has each type that a condition can have", () => {
  const { status } = rolloutSchema().properties ?? {};
  const types = status?.properties?.["conditions"]?.items?.properties?.["type"]?.description?.match(/[A-Z]\w+/g) ?? [];
  expect(types).toContain("PodsCounted");
  const [above = ""] = conditionsReference().split("## Reasons");
  for (const type of types) expect(above).toContain(`\`${type}\``);
});

test("every generated file says so in its first line, but for JSON, which has no comments", async () => {
  for (const [path, text] of await generatedFiles())
    if (!path.endsWith(".json")) expect(text.split("\n")[0]).toContain("npm run generate");
});
