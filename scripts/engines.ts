import { accessSync, constants, globSync, readFileSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { workspaceRoot } from './workspace.ts'

/** A program that some tests start, such as a browser or a database. `engines.txt` lists them. */
export interface Engine {
  readonly name: string
  readonly debianPackage: string
  readonly commands: readonly string[]
}

/** All engines of `engines.txt`. */
export function readEngines(): Engine[] {
  const text = readFileSync(join(workspaceRoot, 'scripts/engines.txt'), 'utf8')
  return parseEngines(text)
}

/** The engines of a table in the format of `engines.txt`. */
export function parseEngines(text: string): Engine[] {
  const rows = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return rows.map((row) => {
    const [name, debianPackage, ...commands] = row.trim().split(/\s+/)
    if (!name || !debianPackage || commands.length === 0) {
      throw new Error(`engines.txt: '${row}' needs a name, a Debian package and a command.`)
    }
    return { name, debianPackage, commands }
  })
}

/** The path of an engine's program, or `null` where the machine has none. */
export function findEngine(engine: Engine): string | null {
  for (const command of engine.commands) {
    const found = candidates(command).find(isExecutable)
    if (found) return found
  }
  return null
}

/** The path of the program of the engine called `name`, for tests. Throws with the command that installs it. */
export function requireEngine(name: string): string {
  const engine = readEngines().find((row) => row.name === name)
  if (!engine) throw new Error(`scripts/engines.txt has no engine '${name}'.`)
  const path = findEngine(engine)
  if (!path) throw new Error(howToGet(engine))
  return path
}

/** One sentence: what is missing and the command that installs it. */
export function howToGet(engine: Engine): string {
  return `${engine.name} is not found on this machine (looked for ${engine.commands.join(', ')}); get it with: apt-get install ${engine.debianPackage}`
}

/** The pattern of the test files that need this engine. */
export function testPattern(engine: Engine): string {
  return `**/*.${engine.name}.test.ts`
}

function candidates(command: string): string[] {
  if (isAbsolute(command)) return globSync(command).sort()
  return (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, command))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
