import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { workspaceDirectories, workspaceRoot } from './workspace.ts'

// `npm run build`: empties dist and compiles every published package with tsc alone.
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
for (const directory of workspaceDirectories().filter(isPublished)) {
  console.log(`build ${directory}`)
  rmSync(join(workspaceRoot, directory, 'dist'), { recursive: true, force: true })
  const run = spawnSync(process.execPath, [tsc, '-p', directory], { cwd: workspaceRoot, stdio: 'inherit' })
  if (run.status !== 0) process.exit(run.status ?? 1)
}

function isPublished(directory: string): boolean {
  const manifest = JSON.parse(readFileSync(join(workspaceRoot, directory, 'package.json'), 'utf8')) as {
    private?: boolean
  }
  return manifest.private !== true
}
