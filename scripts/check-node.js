// The first line of every npm script. npm puts the development Node (a dev dependency) first on the
// PATH; after `npm ci --ignore-scripts` it is absent and an older system Node would be used unseen.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `millrace's scripts run TypeScript directly and need Node 22.18 or newer; this is ${process.version}.\n` +
      "Run `npm ci` without --ignore-scripts (it installs Node 26 as a development dependency), or use a newer Node.",
  );
  process.exit(1);
}
