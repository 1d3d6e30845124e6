import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { flagRefusal, gatherSettings } from '../../src/config/gather.ts'
import { printedSettings } from '../../src/config/print.ts'
import { ConfigurationError, resolveSettings } from '../../src/config/resolve.ts'
import { temporaryDirectory } from '../helpers/test-server.ts'

const CORP = { id: 'corp', name: 'Corp', issuer: 'https://login.corp.example', 'client-id': 'shop' }

describe('upstream providers among the settings', () => {
  it('come from the file as they are, with defaults, and their secrets from elsewhere', () => {
    const { settings } = resolved({ upstreams: [{ ...CORP, 'max-age': '12h' }] }, { corp: 'hush' })
    expect(settings.upstreams).toEqual([
      {
        ...{ id: 'corp', name: 'Corp', issuer: CORP.issuer, clientId: 'shop' },
        ...{ scopes: ['email', 'profile'], maxAge: 43_200_000 },
      },
    ])
    expect(settings.upstreamSecrets).toEqual({ corp: 'hush' })
  })

  it('tell every mistake in one go', () => {
    const wrong = {
      id: 'Corp',
      name: '',
      issuer: 'https://login.corp.example?x',
      'client-id': 'a',
      tenant: 1,
    }
    expect(mistakesOf({ upstreams: [wrong], port: 'many' }, {})).toEqual([
      'port (file) must be a whole number from 0 to 65535.',
      expect.stringMatching(
        /^upstreams \(file\) must be a JSON list of providers \(0\.id: .*; 0\.name: .*; 0\.issuer: .*; 0: .*tenant.*\)\.$/,
      ),
    ])
    const twice = [CORP, { ...CORP, issuer: 'http://login.example' }, { ...CORP, id: 'other' }]
    expect(mistakesOf({ upstreams: twice, 'verify-url': 'https://a.example/' }, { gone: 'hush' })).toEqual([
      'upstream-secrets must have one for corp.',
      'upstreams: the issuer of corp must begin with https:// beyond this machine.',
      'upstreams: corp has the id or issuer of another.',
      'upstream-secrets must have one for corp.',
      'upstreams: other has the id or issuer of another.',
      'upstream-secrets must have one for other.',
      'upstream-secrets has one for a provider that is not among upstreams.',
      'upstreams must not be given where verify-url keeps the accounts elsewhere.',
    ])
  })

  it('are none for a server that visitors reach in clear', () => {
    const file = { upstreams: [CORP], 'public-url': 'http://accounts.example', 'unsafe-allow-http': true }
    expect(mistakesOf(file, { corp: 'hush' })).toEqual([
      'upstreams need a public-url that begins with https:// beyond this machine.',
    ])
  })

  it('never show a secret: not in print, not in a mistake, not on a command line', () => {
    const { settings, sources, given } = resolved({ upstreams: [CORP] }, { corp: 'hush-hush' })
    expect(JSON.stringify(printedSettings({ settings, sources }, given))).not.toContain('hush')
    expect(String(mistakesOf({}, { corp: ['hush-hush'] }))).not.toContain('hush')
    expect(String(mistakesOf({}, 'hush-hush'))).not.toContain('hush')
    const { mistakes } = gatherSettings({
      ...{ flags: { upstreamSecrets: '{}' }, config: null },
      env: { COATCHECK_DATA_DIRECTORY: temporaryDirectory() },
    })
    expect(mistakes).toEqual([flagRefusal('upstreamSecrets')])
    expect(flagRefusal('upstreamSecrets')).toContain('use COATCHECK_UPSTREAM_SECRETS_FILE.')
  })
})

function resolved(file: object, secrets: unknown) {
  const directory = temporaryDirectory()
  const config = join(directory, 'settings.json')
  const secret = join(directory, 'secrets.json')
  writeFileSync(config, JSON.stringify(file), { mode: 0o600 })
  writeFileSync(secret, `${JSON.stringify(secrets)}\n`)
  const env = { COATCHECK_DATA_DIRECTORY: directory, COATCHECK_UPSTREAM_SECRETS_FILE: secret }
  const { given, mistakes } = gatherSettings({ flags: {}, config, env })
  return { ...resolveSettings(given, mistakes), given }
}

function mistakesOf(file: object, secrets: unknown): readonly string[] {
  try {
    resolved(file, secrets)
  } catch (error) {
    if (error instanceof ConfigurationError) return error.mistakes
    throw error
  }
  return []
}
