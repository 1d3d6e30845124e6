import { readFileSync, writeFileSync } from 'node:fs'
import { env } from 'node:process'
import { describe, expect, it } from 'vitest'
import { SERVICE_SCOPES } from '../../src/api/scopes.ts'
import { startService } from './client.ts'

const COPY = new URL('../../openapi.json', import.meta.url)

describe('the description of the API', () => {
  it('is the one in the repository (made anew with UPDATE_OPENAPI=1, then formatted), and public', async () => {
    const { server } = await startService()
    const served = await (await fetch(`${server.publicAddress}/v1/openapi.json`)).json()
    if (env.UPDATE_OPENAPI) writeFileSync(COPY, JSON.stringify(served, null, 2))
    expect(served).toEqual(JSON.parse(readFileSync(COPY, 'utf8')))
  })

  it('refers to nothing that it does not have, and says nothing in the manner of OpenAPI 3.0', () => {
    const text = readFileSync(COPY, 'utf8')
    const { components } = JSON.parse(text)
    const references = [...text.matchAll(/"\$ref": "#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name)
    expect(references.length).toBeGreaterThan(20)
    expect(references.filter((name) => !(String(name) in components.schemas))).toEqual([])
    expect(text).not.toContain('"nullable"')
  })

  it('is OpenAPI 3.1 and names a scope for every route, each of which some route has', () => {
    const { openapi, paths } = JSON.parse(readFileSync(COPY, 'utf8'))
    expect(openapi).toBe('3.1.0')
    const calls = Object.values(paths).flatMap((path) => Object.values(path as object))
    const scopes = calls.map(({ security }) => security[0].bearer)
    expect(scopes.every((one) => one.length === 1)).toBe(true)
    expect(new Set(scopes.flat())).toEqual(new Set(Object.keys(SERVICE_SCOPES)))
  })
})
