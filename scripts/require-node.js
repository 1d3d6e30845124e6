// Loaded before every script (`node --import`), in plain JavaScript because an older Node cannot read TypeScript.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `Node ${process.versions.node} (${process.execPath}) is too old for this workspace. Run \`npm ci\`, which installs the pinned Node 24, ` +
      'and start scripts through npm (`npm test`, `npm run build`, ...), which finds it in node_modules/.bin.',
  )
  process.exit(1)
}
