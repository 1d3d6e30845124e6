import type { Source } from './sources.ts'

const LIBRARY = 'packages/coatcheck/src/'

/** What a layer of the library may import. */
interface Layer {
  /** Layers, or single modules such as `stores/memory`, besides its own. */
  readonly ours: readonly string[]
  /** Layers of which only types may be imported. */
  readonly types?: readonly string[]
  /** Packages, besides the one framework or driver of `onePackage`. */
  readonly packages?: readonly string[]
  /** Whether modules of Node may be imported. */
  readonly node?: boolean
  /** Whether a file may import one package of its choice: a framework, a driver. */
  readonly onePackage?: boolean
}

/** Who may import whom. Outer layers know inner ones, never the other way round. */
const LAYERS: Readonly<Record<string, Layer>> = {
  core: { ours: [] },
  stores: { ours: ['core'], node: true, onePackage: true },
  cache: { ours: ['core'] },
  http: { ours: ['core'] },
  // API keys have a store of their own, and no composition root besides this one that could give them its near cache.
  tokens: { ours: ['core', 'cache/near-cache'], packages: ['jose'] },
  'relying-party': { ours: ['core', 'http', 'tokens'], packages: ['jose'] },
  'store-testing': { ours: ['core'] },
  // The cases for adapters need whole sessions and a client over HTTP; those for stores must not.
  'store-testing/index': { ours: ['store-testing', 'store-testing/exchanges', 'store-testing/explorer'] },
  'store-testing/exchanges': { ours: ['core', 'http', 'index', 'testing', 'store-testing'], node: true },
  // The explorer drives whole sessions, in memory.
  'store-testing/explorer': { ours: ['core', 'http', 'index', 'testing', 'store-testing'] },
  index: { ours: ['core', 'cache', 'http'] },
  adapters: { ours: ['http'], types: ['core', 'index'], node: true, onePackage: true },
  testing: { ours: ['core', 'http', 'adapters', 'index', 'stores/memory'] },
  client: { ours: [], types: ['core', 'http'] },
}

/** Sentences about imports that go against the layers, or out of a package by another door than its entries. */
export function forbiddenImports(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    if (source.path.startsWith(LIBRARY)) return libraryFaults(source)
    return /^(examples|bench|packages\/[^/]+\/src)\//.test(source.path) ? outsideFaults(source) : []
  })
}

/** Import cycles, types included, each as `a.ts → b.ts → a.ts`. */
export function importCycles(sources: readonly Source[]): string[] {
  const imports = new Map(
    sources.map((source) => [source.path, source.imports.flatMap(({ file }) => file ?? [])]),
  )
  const finished = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' → '))
    if (start >= 0 || finished.has(path)) return
    for (const next of imports.get(path) ?? []) visit(next, [...trail, path])
    finished.add(path)
  }
  for (const path of imports.keys()) visit(path, [])
  return cycles
}

function libraryFaults(source: Source): string[] {
  const from = layerOf(source.path)
  const layer = LAYERS[from]
  if (!layer) return [`${source.path}: no layer is called '${from}'; add it to test/repo/import-rules.ts`]
  const packages = new Set<string>()
  const faults: string[] = []
  for (const { specifier, file, typeOnly } of source.imports) {
    const fault = file ? oursFault(file, typeOnly, from, layer) : packageFault(specifier, layer)
    if (fault) faults.push(`${source.path}: ${specifier}: ${fault}`)
    if (!file && !specifier.startsWith('node:')) packages.add(packageName(specifier))
  }
  if (layer.onePackage && packages.size > 1)
    faults.push(`${source.path}: more than one package: ${[...packages].join(', ')}`)
  return faults
}

function oursFault(file: string, typeOnly: boolean, from: string, layer: Layer): string | null {
  if (!file.startsWith(LIBRARY)) return 'leaves the library'
  const to = layerOf(file)
  const module = file.slice(LIBRARY.length).replace(/\.ts$/, '')
  if (to === from || layer.ours.includes(to) || layer.ours.includes(module)) return null
  if (!layer.types?.includes(to)) return `${from} may not import ${to}`
  return typeOnly ? null : `${from} may import types only from ${to}`
}

function packageFault(specifier: string, layer: Layer): string | null {
  if (specifier.startsWith('node:')) return layer.node ? null : 'no module of Node here'
  return layer.onePackage || layer.packages?.includes(packageName(specifier)) ? null : 'no package here'
}

function outsideFaults(source: Source): string[] {
  const home = source.path.startsWith('bench/') ? 'bench/' : source.path.split('/').slice(0, 2).join('/')
  // A test finds the program that it starts with the help of scripts/engines.ts.
  const mayImport = [home, ...(source.path.includes('/test/') ? ['scripts/engines.ts'] : [])]
  return source.imports.flatMap(({ specifier, file }) => {
    if (file === null || mayImport.some((start) => file.startsWith(start))) return []
    return [`${source.path}: ${specifier}: leaves its package; import a public entry`]
  })
}

/** The folder or module below src that has rules of its own, or the file's name without its ending: `core`, `index`. */
function layerOf(path: string): string {
  const [first = '', second = ''] = path.slice(LIBRARY.length).replace(/\.ts$/, '').split('/')
  const inner = `${first}/${second}`
  return Object.hasOwn(LAYERS, inner) ? inner : first
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
