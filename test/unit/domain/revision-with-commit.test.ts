import { expect, test } from "vitest";
import { fromCommit, revisionWithCommit } from "../../../src/domain/revision-with-commit.ts";
import { worldAtRest } from "../../support/recorded-ports.ts";

const hash = "0123456789abcdef0123456789abcdef01234567";

test.each([
  [undefined, "revision two", ""],
  [hash, "revision two, commit 0123456789ab", " (commit 0123456789ab)"],
  ["v1.2.3-4-gdeadbee", "revision two, commit v1.2.3-4-gdeadbee", " (commit v1.2.3-4-gdeadbee)"],
  [`main@sha1:${hash}`, `revision two, commit main@sha1:${hash}`, ` (commit main@sha1:${hash})`],
])("a revision of commit %s", (commit, named, after) => {
  expect(revisionWithCommit("two", commit)).toBe(named);
  expect(fromCommit(commit)).toBe(after);
});

test("a commit that an annotation names is named from the start of its release to what git wants after the rollback", async () => {
  const world = await worldAtRest();
  world.behaviours = { v2: { errorRate: 0.5 } };
  world.workload.commit = hash;
  world.changeTemplate("v2");
  expect(await world.run(({ status }) => status.history !== undefined)).toBe(true);
  // A later commit that changes something else is not to blame.
  world.workload.commit = "later";
  await world.reconcileOnce();
  const notes = Object.fromEntries(world.events.map(({ reason, note }) => [reason, note]));
  expect(notes["ReleaseStarted"]).toContain("commit 0123456789ab");
  expect(notes["RolledBack"]).toContain("product:v2 (commit 0123456789ab) was given up");
  expect(world.status.history?.[0]?.commit).toBe(hash);
  expect(world.status.rejected?.[0]?.commit).toBe(hash);
  expect(world.status.message).toMatch(/^Git wants product:v2 \(revision v2, commit 0123456789ab\), rejected at/);
});
