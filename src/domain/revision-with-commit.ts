/** As `git log --oneline` would, and no shorter: a full hash says no more to people. */
const shortHash = 12;

function short(commit: string): string {
  return /^[0-9a-f]{40,64}$/.test(commit) ? commit.slice(0, shortHash) : commit;
}

/** A revision for a message, with the commit that brought it where that is known. */
export function revisionWithCommit(revision: string, commit: string | undefined): string {
  return commit === undefined ? `revision ${revision}` : `revision ${revision}, commit ${short(commit)}`;
}

/** What follows the image of a revision whose commit is known; nothing where it is not. */
export function fromCommit(commit: string | undefined): string {
  return commit === undefined ? "" : ` (commit ${short(commit)})`;
}
