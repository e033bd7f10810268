import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readText, root } from "./repository.ts";

const page = "docs/workload.md";

/** Stands for what differs between cases that share a row. */
const wildcard = "…";

/** The last column of every row that names a test, as it is written there. */
const rows = [...readText(page).matchAll(/^\| .+ \| `([^`]+)` \|$/gm)].map(([, title = ""]) => title);

/** All titles of the tests that run whole releases, as vitest knows them; nothing is started for it. */
function titles(): readonly string[] {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const projects = ["--project", "workload", "--project", "releases"];
  const listed = execFileSync(process.execPath, [vitest, "list", "--json", "--no-static-parse", ...projects], {
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

describe("the table in docs/workload.md", () => {
  const all = titles();

  test("names in every row a test that is there", () => {
    expect(rows.filter((row) => !all.some((title) => names(row, title)))).toEqual([]);
  });

  test("names every test of releases in one row", () => {
    expect(all.filter((title) => !rows.some((row) => names(row, title)))).toEqual([]);
    expect(all.filter((title) => rows.filter((row) => names(row, title)).length > 1)).toEqual([]);
  });
}, 120_000);
