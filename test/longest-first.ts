import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take minutes, the longest first: what begins last should not be what is waited for. */
const longest = ["test/workload/workload.test.ts", "test/releases/releases.test.ts", "test/releases/worst-day.test.ts"];

/** Begins with the files that take longest; all others follow in vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = longest.findIndex((path) => moduleId.endsWith(path));
      return index === -1 ? longest.length : index;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
