/** No vowels, nothing that is easily misread: what Kubernetes uses in generated names, so hashes look familiar. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const length = 10;

/**
 * A short name for `text`: lower-case letters and digits, the same for the same text on every machine and release.
 * It tells things apart; it does not resist somebody who wants two texts to have one name.
 */
export function stableHash(text: string): string {
  let left = 0x811c9dc5;
  let right = 0x9747b28c;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // FNV-1a, and beside it the multiply-and-rotate of MurmurHash3: two rounds that share no structure.
    left = Math.imul(left ^ unit, 0x01000193);
    const mixed = Math.imul(unit + right, 0xcc9e2d51);
    right = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593) ^ Math.imul(right, 5);
  }
  let value = (BigInt(left >>> 0) << 32n) | BigInt(right >>> 0);
  let name = "";
  while (name.length < length) {
    name += alphabet.charAt(Number(value % BigInt(alphabet.length)));
    value /= BigInt(alphabet.length);
  }
  return name;
}
