import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Absolute path of the repository. */
export const workspaceRoot: string = join(import.meta.dirname, '..')

/** A part of the test run: the tests of one workspace package, or those of several together. */
export interface TestPart {
  readonly name: string
  /** Directory of its test files, relative to the root, with a slash at its end. */
  readonly directory: string
}

/** Directories of the workspace packages, relative to the root, sorted. */
export function workspaceDirectories(): string[] {
  const manifest = JSON.parse(readFileSync(join(workspaceRoot, 'package.json'), 'utf8')) as {
    workspaces: string[]
  }
  const found = manifest.workspaces.flatMap((pattern) => globSync(pattern, { cwd: workspaceRoot }))
  return found.filter((directory) => existsSync(join(workspaceRoot, directory, 'package.json'))).sort()
}

/** The parts of the test run: `repo`, `examples` and each workspace package that has a `test` directory. */
export function testParts(): TestPart[] {
  const packages = workspaceDirectories().map((directory) => ({
    name: directory.slice(directory.lastIndexOf('/') + 1),
    directory: `${directory}/test/`,
  }))
  const parts = [
    ...packages,
    // The journey that all examples go through.
    { name: 'examples', directory: 'examples/test/' },
    { name: 'repo', directory: 'test/repo/' },
  ]
  return parts.filter((part) => existsSync(join(workspaceRoot, part.directory)))
}

/** Files below the parts' directories that match `pattern`, relative to the root. */
export function testFiles(pattern: string): string[] {
  return testParts().flatMap((part) =>
    globSync(part.directory + pattern, { cwd: workspaceRoot, exclude: ['**/node_modules/**'] }),
  )
}

/** `path` as it is written in messages. */
export function display(path: string): string {
  return relative(workspaceRoot, path)
}
