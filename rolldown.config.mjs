/** One file of src/, for the image and for npm run build: as it was written, so that stack traces need no map. */
export default {
  input: "src/main.ts",
  platform: "node",
  output: { file: "dist/main.js", format: "esm" },
};
