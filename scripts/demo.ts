// npm run demo: a good release and a bad one under real traffic on this machine, and what became of them.
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { paintFor } from "../src/cli/terminal.ts";
import { progressPrinter } from "../test/cluster/parts/progress.ts";
import { stopOnSignals } from "../test/cluster/processes/signals.ts";
import { createSupervisor, type Supervisor } from "../test/cluster/processes/supervisor.ts";
import { runDemo, type Audience } from "../test/demo/demo.ts";
import { DEMO_HELP, readDemoOptions, WrongOption, type DemoOptions } from "../test/demo/options.ts";
import { createFilm, type Film } from "../test/demo/picture/film.ts";
import { asExpected, disappointments, jsonLine, type DemoResult } from "../test/demo/result.ts";
import { releaseLines, summaryLines } from "../test/demo/summary.ts";
import { createView, type View } from "../test/demo/view.ts";

const beganAt = performance.now();

/** Where the person is who typed the command; npm runs scripts elsewhere. */
function pathOf(path: string): string {
  return resolve(process.env["INIT_CWD"] ?? process.cwd(), path);
}

function fail(message: string, code: number): never {
  process.stderr.write(`serin: ${message}\n`);
  process.exit(code);
}

function readOptions(): DemoOptions | "help" {
  try {
    const options = readDemoOptions(process.argv.slice(2));
    if (options !== "help" && options.picture !== undefined && !existsSync(dirname(pathOf(options.picture)))) {
      throw new WrongOption(`--picture ${options.picture}: there is no folder ${dirname(pathOf(options.picture))}`);
    }
    return options;
  } catch (error) {
    if (error instanceof WrongOption) return fail(`${error.message} (see --help)`, 2);
    throw error;
  }
}

/** Before anything is stopped, so that logs of a demo that was interrupted are there too. */
function keepLogs(supervisor: Supervisor, folder: string): void {
  supervisor.onStop(() => {
    mkdirSync(folder, { recursive: true });
    const logs = join(supervisor.folder, "logs");
    if (existsSync(logs)) cpSync(logs, folder, { recursive: true });
  });
}

function audienceOf(view: View, film: Film | undefined, paint: ReturnType<typeof paintFor>): Audience {
  return {
    show(scene) {
      film?.record(scene);
      view.show(scene);
    },
    event: (event) => view.event(event),
    released: (result) => view.say(releaseLines(result, paint)),
    trouble: (text) => process.stderr.write(`serin: ${text}\n`),
  };
}

async function main(options: DemoOptions): Promise<void> {
  const output = options.json ? process.stderr : process.stdout;
  const paint = paintFor(output.isTTY && !process.env["NO_COLOR"]);
  const progress = progressPrinter();
  const view = createView(output, paint);
  const film = options.picture === undefined ? undefined : createFilm();
  process.on("exit", () => view.end());

  const supervisor = await createSupervisor();
  const interrupted = new AbortController();
  stopOnSignals(() => {
    interrupted.abort();
    view.end();
    progress.end();
    return supervisor.stop();
  });
  if (options.keepLogs !== undefined) keepLogs(supervisor, pathOf(options.keepLogs));
  try {
    const audience = audienceOf(view, film, paint);
    const run = { supervisor, signal: interrupted.signal, onProgress: progress.show, audience, beganAt };
    const result = await runDemo(options, { ...run, onReady: progress.end });
    conclude(result);
    await supervisor.stop();
    if (options.json) process.stdout.write(`${jsonLine(result)}\n`);
    for (const text of disappointments(result)) process.stderr.write(`serin: ${text}\n`);
    process.exit(asExpected(result) ? 0 : 1);
  } catch (error) {
    // When it is being stopped, whatever goes on fails, and that is no news.
    if (interrupted.signal.aborted) return;
    progress.end();
    view.end();
    await supervisor.stop();
    fail(error instanceof Error ? error.message : String(error), 1);
  }

  function conclude(result: DemoResult): void {
    view.end();
    output.write(["", ...summaryLines(result, paint), ""].join("\n"));
    if (film !== undefined && options.picture !== undefined) {
      writeFileSync(pathOf(options.picture), film.develop(summaryLines(result, paintFor(true))));
    }
  }
}

const options = readOptions();
if (options === "help") process.stdout.write(DEMO_HELP);
else await main(options);
