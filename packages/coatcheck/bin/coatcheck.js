#!/usr/bin/env node
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

// The command is the server's, a package of its own. Where both are installed either may be the one that npm links as `coatcheck`.
const command = commandOfServer()
if (command === null) {
  process.stderr.write(
    'The command coatcheck is part of the server: npm install @coatcheck/server, and run it again.\n',
  )
  process.exitCode = 2
} else {
  const { run } = await import(pathToFileURL(command).href)
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  process.stderr.on('error', () => {})
  process.exitCode = await run(process.argv.slice(2), process)
}

/** Looked for beside this package, and from where the command is run. */
function commandOfServer() {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from).resolve('@coatcheck/server/command')
    } catch {
      // Not there.
    }
  }
  return null
}
