import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readText, root } from "./repository.ts";

/** Pages with a table of cases, and the projects whose tests they name, all of them. */
const pages = { "docs/workload.md": ["workload", "releases"], "docs/traffic.md": ["traffic"] } as const;

/** The page on which each line names a test, on a real API server. */
const security = "docs/security.md";

/** Stands for what differs between cases that share a row. */
const wildcard = "…";

/** The last column of every row that names a test, as it is written there. */
const rowsOf = (page: string) =>
  [...readText(page).matchAll(/^\| .+ \| `([^`]+)`\s* \|$/gm)].map(([, title = ""]) => title);

/**
 * Titles of tests as vitest knows them; nothing is started for it. Those of `integration` are read from the text of their
 * files, as to load these would start its cluster: a title that is put together is not among them.
 */
function titlesIn(projects: readonly string[]): readonly string[] {
  const parse = projects.includes("integration") ? "--static-parse" : "--no-static-parse";
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const chosen = projects.flatMap((project) => ["--project", project]);
  const listed = execFileSync(process.execPath, [vitest, "list", "--json", parse, ...chosen], {
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

test(`every line of ${security} names a test that is there`, () => {
  const lines = readText(security).match(/^\| (?!what \||---).+ \|$/gm) ?? [];
  const rows = rowsOf(security);
  expect(rows).toHaveLength(lines.length);
  const all = [...titlesIn(["workload", "traffic", "releases"]), ...titlesIn(["integration"])];
  expect(rows.filter((row) => !all.some((title) => names(row, title)))).toEqual([]);
}, 120_000);
