import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { conditionReasons, eventReasons, rollbackReasons } from "../../src/api/reasons.ts";
import { readText, repositoryFiles, root } from "./repository.ts";

const files = repositoryFiles();
const pages = files.filter((path) => path.endsWith(".md") && !path.startsWith("test/"));

/** All code that may give a reason: everything but the list itself and what is for people to read. */
const code = files
  .filter((path) => /^src\/.*\.ts$/.test(path) && path !== "src/api/reasons.ts" && !path.startsWith("src/cli/"))
  .map(readText)
  .join("\n")
  // To tell one reason from another is not to give it.
  .replaceAll(/\bcase "\w+":|[!=]== "\w+"/g, "");

const listed = (page: string) => [...readText(page).matchAll(/^\| `(\w+)` \|/gm)].map(([, reason = ""]) => reason);

describe("reasons", () => {
  test("that a condition, a rollback or an event can have are documented, and no others", () => {
    expect(listed("docs/reference/conditions.md")).toEqual([
      ...Object.keys(conditionReasons),
      ...Object.keys(rollbackReasons),
    ]);
    expect(listed("docs/reference/events.md")).toEqual(Object.keys(eventReasons));
  });

  test("that are documented are given somewhere", () => {
    const reasons = [conditionReasons, rollbackReasons, eventReasons].flatMap((all) => Object.keys(all));
    expect(reasons.filter((reason) => !code.includes(`"${reason}"`))).toEqual([]);
  });
});

test("what needs somebody's attention is in docs/troubleshooting.md, by its reason, and nothing that is not there", () => {
  const goesWell = ["Succeeded", "PodsCounted", "Progressing", "RollingBack", "RolledBack", "LettingGo"];
  const [, waits = "", stalls = "", rollbacks = "", warnings = ""] =
    readText("docs/troubleshooting.md").split(/^## (?!The operator)/m);
  const told = (part: string) =>
    [...part.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, cell = ""]) => cell.match(/\w+/g) ?? []).sort();
  const needed = Object.keys(conditionReasons).filter((reason) => !goesWell.includes(reason));
  expect([...told(waits), ...told(stalls)].sort()).toEqual(needed.sort());
  // Of an ending that others have told in the same words there is one row.
  expect(told(rollbacks)).toEqual(
    expect.arrayContaining(
      Object.keys(rollbackReasons).filter((reason) => !(reason in conditionReasons) || reason === "Inconclusive"),
    ),
  );
  expect(told(rollbacks).filter((reason) => !(reason in rollbackReasons))).toEqual([]);
  const warning = Object.entries(eventReasons)
    .filter(([, type]) => type === "Warning")
    .map(([reason]) => reason);
  const sections = [...told(waits), ...told(warnings), "InvalidSpec"];
  expect(warning.filter((reason) => !sections.includes(reason))).toEqual([]);
  expect(told(warnings).filter((reason) => !(reason in eventReasons))).toEqual([]);
});

describe("pages", () => {
  test.each(pages)("%s links to what exists", (page) => {
    const links = [...readText(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, target = ""]) => target);
    const missing = links
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => !existsSync(join(root, dirname(page), target)));
    expect(missing).toEqual([]);
  });

  test("name npm scripts that exist", () => {
    const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) =>
      [...readText(page).matchAll(/npm run ([a-z][a-z-]*)/g)].map(([, name = ""]) => `${page}: ${name}`),
    );
    expect(named.filter((entry) => scripts[entry.split(": ")[1] ?? ""] === undefined)).toEqual([]);
  });

  test("of decisions are numbered without a double", () => {
    const numbers = pages.flatMap((page) => /^docs\/adr\/(\d{4})-/.exec(page)?.[1] ?? []);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
