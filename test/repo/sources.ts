import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { type ESTree, parseSync, Visitor } from 'rolldown/utils'
import { workspaceRoot } from '../../scripts/workspace.ts'

/** One import or re-export of a module. */
export interface Import {
  readonly specifier: string
  /** Whether nothing of it is left at run time. */
  readonly typeOnly: boolean
  /** Path of the imported file relative to the root, or `null` for a package or a builtin module. */
  readonly file: string | null
}

/** One exported name; `*` stands for everything that `from` exports. */
export interface Export {
  readonly name: string
  readonly typeOnly: boolean
  readonly from: string | null
}

export interface Comment {
  readonly line: number
  readonly text: string
}

export interface FunctionSize {
  readonly name: string
  readonly line: number
  readonly lines: number
}

/** A parsed source file of this repository, or a made-up one. */
export interface Source {
  readonly path: string
  readonly lines: number
  readonly imports: readonly Import[]
  readonly exports: readonly Export[]
  readonly comments: readonly Comment[]
  /** Functions with a body of statements; arrow functions of one expression are not counted. */
  readonly functions: readonly FunctionSize[]
  /** Lines on which the type `any` is written. */
  readonly anyLines: readonly number[]
  /** Values of all string literals. */
  readonly strings: ReadonlySet<string>
}

/** Tracked files and those that could be added, relative to the root; ignored files are left out. */
export function repositoryFiles(): string[] {
  const output = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'],
    {
      cwd: workspaceRoot,
      encoding: 'utf8',
    },
  )
  const deleted = execFileSync('git', ['ls-files', '-z', '--deleted'], {
    cwd: workspaceRoot,
    encoding: 'utf8',
  })
  const gone = new Set(deleted.split('\0'))
  return output.split('\0').filter((path) => path !== '' && !gone.has(path))
}

/** The text of a file given by its path relative to the root. */
export function readText(path: string): string {
  return readFileSync(join(workspaceRoot, path), 'utf8')
}

/** All TypeScript files of the repository, parsed. */
export function repositorySources(): Source[] {
  return repositoryFiles()
    .filter((path) => path.endsWith('.ts'))
    .map((path) => parseSource(path, readText(path)))
}

/** Whether a path is program text rather than tests. */
export function isProgram(path: string): boolean {
  return /^(packages\/[^/]+\/src|examples|bench|scripts)\//.test(path) && !/(^|\/)test\//.test(path)
}

/** Parses the text of a file. Throws where it is no valid TypeScript. */
export function parseSource(path: string, text: string): Source {
  const { program, module, comments, errors } = parseSync(path, text, { lang: 'ts' })
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  const lineAt = lineFinder(text)
  const { typeImports, ...inspected } = inspect(program, lineAt)
  const found = [...importsOf(module, text), ...typeImports]
  return {
    path,
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    imports: found.map((one) => ({ ...one, file: resolve(path, one.specifier) })),
    exports: exportsOf(module),
    comments: comments.map((comment) => ({ line: lineAt(comment.start), text: comment.value.trim() })),
    ...inspected,
  }
}

type ModuleRecord = ReturnType<typeof parseSync>['module']
type Program = Parameters<Visitor['visit']>[0]

function* importsOf(module: ModuleRecord, text: string): Generator<Omit<Import, 'file'>> {
  for (const { moduleRequest, entries, start } of module.staticImports) {
    const typeOnly = /^import\s+type\b/.test(text.slice(start)) || allTypes(entries)
    yield { specifier: moduleRequest.value, typeOnly }
  }
  for (const { entries } of module.staticExports) {
    const specifiers = new Set(entries.flatMap((entry) => entry.moduleRequest?.value ?? []))
    for (const specifier of specifiers) {
      const taken = entries.filter((entry) => entry.moduleRequest?.value === specifier)
      yield { specifier, typeOnly: allTypes(taken) }
    }
  }
  for (const { moduleRequest } of module.dynamicImports) {
    const literal = /^['"`](.*)['"`]$/.exec(text.slice(moduleRequest.start, moduleRequest.end))
    if (literal?.[1]) yield { specifier: literal[1], typeOnly: false }
  }
}

function allTypes(entries: readonly { readonly isType: boolean }[]): boolean {
  return entries.length > 0 && entries.every((entry) => entry.isType)
}

function exportsOf(module: ModuleRecord): Export[] {
  return module.staticExports.flatMap(({ entries }) =>
    entries.map((entry) => ({
      name: entry.exportName.name ?? (entry.exportName.kind === 'Default' ? 'default' : '*'),
      typeOnly: entry.isType,
      from: entry.moduleRequest?.value ?? null,
    })),
  )
}

function resolve(from: string, specifier: string): string | null {
  return specifier.startsWith('.') ? join(dirname(from), specifier) : null
}

type FunctionNode = ESTree.Function | ESTree.ArrowFunctionExpression

function inspect(program: Program, lineAt: (offset: number) => number) {
  const functions: FunctionSize[] = []
  const anyLines: number[] = []
  const strings = new Set<string>()
  const typeImports: Omit<Import, 'file'>[] = []
  const names = new Map<number, string>()
  const add = (node: FunctionNode) => {
    if (node.body?.type !== 'BlockStatement') return
    const line = lineAt(node.start)
    const name = node.id?.name ?? names.get(node.start) ?? 'anonymous'
    functions.push({ name, line, lines: lineAt(node.end) - line + 1 })
  }
  const name = (key: ESTree.Node, value: ESTree.Node | null) => {
    if (value && 'name' in key && typeof key.name === 'string') names.set(value.start, key.name)
  }
  new Visitor({
    FunctionDeclaration: add,
    FunctionExpression: add,
    ArrowFunctionExpression: add,
    MethodDefinition: (node) => name(node.key, node.value),
    PropertyDefinition: (node) => name(node.key, node.value),
    Property: (node) => name(node.key, node.value),
    VariableDeclarator: (node) => name(node.id, node.init),
    TSImportType: (node) => void typeImports.push({ specifier: node.source.value, typeOnly: true }),
    TSAnyKeyword: (node) => void anyLines.push(lineAt(node.start)),
    Literal: (node) => void (typeof node.value === 'string' && strings.add(node.value)),
  }).visit(program)
  return { functions, anyLines, strings, typeImports }
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}
