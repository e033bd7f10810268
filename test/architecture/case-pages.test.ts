import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readText, root } from "./repository.ts";

/** Pages with a table of cases, and the projects whose tests they name. */
const pages = { "docs/workload.md": ["workload", "releases"], "docs/traffic.md": ["traffic"] } as const;

/** Stands for what differs between cases that share a row. */
const wildcard = "…";

/** The last column of every row that names a test, as it is written there. */
const rowsOf = (page: string) =>
  [...readText(page).matchAll(/^\| .+ \| `([^`]+)`\s* \|$/gm)].map(([, title = ""]) => title);

/** All titles of the tests that run whole releases, as vitest knows them; nothing is started for it. */
function titlesIn(projects: readonly string[]): readonly string[] {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const chosen = projects.flatMap((project) => ["--project", project]);
  const listed = execFileSync(process.execPath, [vitest, "list", "--json", "--no-static-parse", ...chosen], {
    cwd: root,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"] },
    maxBuffer: 16 * 1024 * 1024,
  });
  const tests = JSON.parse(listed.slice(listed.indexOf("["))) as readonly { readonly name: string }[];
  return tests.map(({ name }) => name.slice(name.indexOf(" > ") < 0 ? 0 : name.indexOf(" > ") + 3));
}

const names = (row: string, title: string): boolean => {
  const literal = row.split(wildcard).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${literal.join(".+")}$`).test(title);
};

describe.each(Object.entries(pages))(
  "the table in %s",
  (page, projects) => {
    const rows = rowsOf(page);
    const all = titlesIn(projects);

    test("names in every row a test that is there", () => {
      expect(rows.filter((row) => !all.some((title) => names(row, title)))).toEqual([]);
    });

    test("names every test in one row", () => {
      expect(all.filter((title) => !rows.some((row) => names(row, title)))).toEqual([]);
      expect(all.filter((title) => rows.filter((row) => names(row, title)).length > 1)).toEqual([]);
    });
  },
  120_000,
);
