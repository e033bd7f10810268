// A thread that reads large responses, so that the operator's own does not stand still meanwhile.
import { parentPort } from "node:worker_threads";
import { TableWriter } from "./answer-table.ts";
import { readAnswer } from "./answers.ts";
import type { ParseJob, ParseResult } from "./parser.ts";

const writer = new TableWriter();

parentPort?.on("message", ({ id, status, body }: ParseJob) => {
  const parsed = writer.layOut(readAnswer(status, Buffer.from(body).toString("utf8")));
  const result: ParseResult = { id, parsed };
  const arrays = parsed.kind === "Table" ? [parsed.series, parsed.counts, parsed.at, parsed.values] : [];
  parentPort?.postMessage(
    result,
    arrays.map(({ buffer }) => buffer),
  );
});
