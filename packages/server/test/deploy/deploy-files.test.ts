import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SETTING_NAMES } from '../../src/config/definitions.ts'
import { resolveSettings } from '../../src/config/resolve.ts'

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(join(PACKAGE, path), 'utf8')
const FILES = ['Dockerfile', 'deploy/compose.yaml', 'deploy/coatcheck.service'] as const

describe('files for running the server', () => {
  it('name settings that there are', () => {
    const variables = SETTING_NAMES.map(
      (name) => `COATCHECK_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    )
    for (const file of FILES) {
      const named = read(file).match(/COATCHECK_[A-Z_]+/g) ?? []
      const unknown = named.filter((name) => !variables.includes(name.replace(/_FILE$/, '')))
      expect([file, unknown, named.length > 0]).toEqual([file, [], true])
    }
  })

  it('the container is made in stages, from a version that is named, and runs as nobody special', () => {
    const text = read('Dockerfile')
    const stages = text.split(/^FROM /m).slice(1)
    const last = stages.at(-1) ?? ''
    expect(stages.length).toBeGreaterThan(1)
    for (const stage of stages) expect(stage).toMatch(/^node:24-\S+/)
    expect(last).toMatch(/^USER node$/m)
    expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('ENTRYPOINT'))
    expect(last).not.toMatch(/^(?:RUN .*(?:curl|npm)|ADD|COPY \.)/m)
    expect(last).not.toMatch(/^EXPOSE .*4001/m)
  })

  it('the container begins the command of this package', () => {
    const [, path = ''] = /ENTRYPOINT \["node", "\/app\/node_modules\/@coatcheck\/server\/(.+)"\]/.exec(
      read('Dockerfile'),
    ) ?? ['', '']
    const { bin } = JSON.parse(read('package.json'))
    expect(bin.coatcheck).toBe(`./${path}`)
    expect(existsSync(join(PACKAGE, path))).toBe(true)
  })

  it('containers have read-only roots, no capabilities and no secrets in their environment', () => {
    const text = read('deploy/compose.yaml')
    const services = text.slice(text.indexOf('services:'), text.indexOf('\nnetworks:'))
    const [ours = ''] = services.split(/\n\n {2}redis:/)
    expect(ours).toContain('read_only: true')
    expect(ours).toContain('cap_drop: [ALL]')
    expect(services).not.toMatch(/(?:PASSWORD|KEYS|STORE|DATABASE): /)
    expect(services).not.toMatch(/image: \S+:latest|image: [^:\s]+\n/)
    expect(services.match(/ports:.*/g)).toEqual(["ports: ['127.0.0.1:4000:4000']"])
    for (const setting of ['--appendonly yes', '--maxmemory-policy noeviction']) {
      expect(services).toContain(setting)
    }
  })

  it('the secrets that are made are settings that the server takes, and are made once', () => {
    const directory = mkdtempSync(join(tmpdir(), 'coatcheck-deploy-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    cpSync(join(PACKAGE, 'deploy/make-secrets.sh'), join(directory, 'make-secrets.sh'))
    const secrets = () => {
      execFileSync('sh', [join(directory, 'make-secrets.sh')])
      const names = ['store', 'database', 'keys'] as const
      return names.map(
        (name) =>
          [
            name,
            { text: readFileSync(join(directory, 'secrets', name), 'utf8'), source: 'environment file' },
          ] as const,
      )
    }
    const made = secrets()
    const { settings } = resolveSettings(Object.fromEntries(made))
    expect(settings.store).toMatch(/^redis:\/\/:[\w-]{32}@redis:6379$/)
    expect(settings.database).toMatch(/^postgres:\/\/coatcheck:[\w-]{32}@postgres:5432\/coatcheck$/)
    expect(secrets()).toEqual(made)
    expect(statSync(join(directory, 'secrets')).mode & 0o077).toBe(0)
  })

  it('the unit gives the server a user of its own and nothing to write to but its data', () => {
    const text = read('deploy/coatcheck.service')
    for (const line of [
      'DynamicUser=yes',
      'StateDirectory=coatcheck',
      'ProtectSystem=strict',
      'NoNewPrivileges=yes',
      'CapabilityBoundingSet=',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).toMatch(/^ExecStart=\S+ coatcheck serve$/m)
  })
})
