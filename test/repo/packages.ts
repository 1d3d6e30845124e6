import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { tsc } from './compile.ts'
import { readText } from './sources.ts'

type Dependencies = Record<string, string> | undefined

/** Builds a package of the workspace into a copy of its folder below `directory`, and packs that; returns the archive. */
export function packPackage(path: string, directory: string): string {
  const copy = copyOf(path, directory)
  compile(['-p', join(workspaceRoot, path), '--outDir', join(copy, 'dist')])
  return packed(copy, directory)
}

/** The same for a package that needs others: those that are installed around `directory`. */
export function packWithin(path: string, directory: string): string {
  const copy = copyOf(path, directory)
  const config = JSON.parse(readText(`${path}/tsconfig.json`)) as object
  const file = join(copy, 'tsconfig.json')
  writeFileSync(file, JSON.stringify({ ...config, extends: join(workspaceRoot, 'tsconfig.base.json') }))
  compile(['-p', file])
  return packed(copy, directory)
}

function copyOf(path: string, directory: string): string {
  const copy = join(directory, 'package')
  cpSync(join(workspaceRoot, path), copy, {
    recursive: true,
    filter: (source) => !/\/(node_modules|dist|test)$/.test(source),
  })
  return copy
}

function compile(options: readonly string[]): void {
  const errors = tsc(options, workspaceRoot)
  if (errors.length > 0) throw new Error(`It does not compile:\n${errors.join('\n')}`)
}

function packed(copy: string, directory: string): string {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: copy, stdio: 'pipe' })
  const [archive] = globSync('*.tgz', { cwd: directory })
  if (!archive) throw new Error('npm pack made no archive.')
  return join(directory, archive)
}

/** What `npm install` would do with an archive, without a registry. */
export function unpackInto(archive: string, installed: string): void {
  const parent = dirname(installed)
  mkdirSync(parent, { recursive: true })
  execFileSync('tar', ['-xzf', archive, '-C', parent])
  renameSync(join(parent, 'package'), installed)
}

/** Links packages of the workspace's own installation, those of the package at `path` before others, into an application's. */
export function linkPackages(names: readonly string[], application: string, path = '.'): void {
  for (const name of names) {
    const target = join(application, 'node_modules', name)
    const places = [path, '.'].map((place) => join(workspaceRoot, place, 'node_modules', name))
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(places.find((place) => existsSync(place)) ?? '', target)
  }
}

/** Names of what a package needs. */
export function needsOf(path: string, kinds: readonly string[] = ['dependencies']): readonly string[] {
  const manifest = JSON.parse(readText(`${path}/package.json`)) as Record<string, Dependencies>
  return kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}))
}
