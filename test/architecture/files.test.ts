import { describe, expect, test } from "vitest";
import { readText, repositoryFiles } from "./repository.ts";

/** Recorded from other systems as they answered, or not text. */
const recorded = /^test\/golden\/|\.(png|gif|svg|ico|wasm|gz)$/;

const files = repositoryFiles().filter((path) => !recorded.test(path));

interface Finding {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

function find(pattern: RegExp, among: readonly string[] = files): Finding[] {
  return among.flatMap((path) =>
    readText(path)
      .split("\n")
      .flatMap((text, index) =>
        pattern.test(text) ? [{ path, line: index + 1, text: text.trim().slice(0, 120) }] : [],
      ),
  );
}

/** This file has to name what it looks for. */
const others = files.filter((path) => path !== "test/architecture/files.test.ts");

describe("files that everybody gets", () => {
  test("name no folder of one machine", () => {
    expect(find(/(^|[\s"'`=(:])\/(work|home|root|Users)\/\w|\.cache\/serin-dev/, others)).toEqual([]);
  });

  test("name no registry, because the clients of the machine know theirs", () => {
    const hosts =
      /registry\.npmjs\.org|registry\.yarnpkg|proxy\.golang\.org|sum\.golang\.org|pypi\.org|files\.pythonhosted|docker\.io|ghcr\.io|gcr\.io|quay\.io|registry\.k8s\.io/;
    expect(find(hosts, others)).toEqual([]);
  });

  test("leave nothing for later without saying so in an issue", () => {
    expect(find(/\b(TODO|FIXME|XXX)\b/, others)).toEqual([]);
  });

  test("switch no lint rule off without a reason", () => {
    const code = others.filter((path) => /\.(ts|mjs|cjs|js)$/.test(path));
    expect(find(/eslint-disable(?!.* -- )/, code)).toEqual([]);
  });
});

describe("budgets of length", () => {
  // ESLint counts the lines of TypeScript; these are the rest.
  const budgets: readonly [pattern: RegExp, lines: number][] = [
    [/^docs\/adr\/.*\.md$/, 80],
    [/^(scripts|bin|\.ci)\//, 300],
    [/^[^/]*\.(js|cjs|mjs|ts)$/, 300],
    [/^src\//, 300],
  ];

  test.each(budgets)("%s: at most %d lines", (pattern, lines) => {
    const long = files
      .filter((path) => pattern.test(path))
      .filter((path) => readText(path).split("\n").length > lines + 1);
    expect(long).toEqual([]);
  });
});
