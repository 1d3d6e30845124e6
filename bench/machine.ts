import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { arch, availableParallelism, cpus, loadavg, totalmem, type } from 'node:os'
import { canPin } from './process/child.ts'
import { versionOf as engineVersion } from './process/engine.ts'
import type { Machine } from './results.ts'

const PACKAGES = [
  'autocannon',
  'connect-redis',
  'express',
  'express-session',
  'fast-jwt',
  'fastify',
  '@fastify/cookie',
  '@fastify/session',
  'hono',
  '@hono/node-server',
  'hono-sessions',
  'ioredis',
  'iron-session',
  'jose',
  'koa',
  'koa-session',
  'pg',
  'redis',
]

/** What a change of makes another program to measure; the results themselves are none. */
const SOURCES = ['core', 'http', 'stores', 'adapters', 'cache'].map(
  (layer) => `../packages/coatcheck/src/${layer}`,
)
const MEASURED = ['.', ':!results.json', ...SOURCES]

/** What the figures depend on, without anything that names the machine or its owner. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    os: `${osName()}, ${arch()}`,
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? 'none',
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    loadBefore: loadavg()[0] ?? 0,
    pinned: canPin,
    versions: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    engines: { Redis: engineVersion('Redis'), PostgreSQL: engineVersion('PostgreSQL') },
  }
}

function osName(): string {
  try {
    const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]
    return name ?? type()
  } catch {
    return type()
  }
}

/** The commit that is checked out, and whether what is measured differs from it. */
function commit(): string {
  try {
    const hash = git('rev-parse', '--short=10', 'HEAD')
    const changed = git('status', '--porcelain', '--', ...MEASURED) !== ''
    return changed ? `${hash} with changes` : hash
  } catch {
    return 'unknown'
  }
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
}

function versionOf(name: string): string {
  const path = findPackageJSON(name, import.meta.url)
  if (path === undefined) return 'unknown'
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version
}
