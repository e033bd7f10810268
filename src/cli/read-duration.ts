import { parseDuration, type Milliseconds } from "../api/instant.ts";
import { CommandError } from "./command-error.ts";

/** A duration that a user wrote; throws a CommandError that says how to write one. */
export function readDuration(text: string): Milliseconds {
  try {
    return parseDuration(text);
  } catch {
    throw new CommandError(`${text} is no duration: write one such as 30s, 10m or 1m30s`);
  }
}
