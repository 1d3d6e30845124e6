import { type Attributes, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startTestServer } from '../helpers/test-server.ts'

describe('spans', () => {
  it('name requests by pattern, with their status, and hold no address or query', async () => {
    const spans = recordSpans()
    const { publicAddress } = await startTestServer()
    await fetch(`${publicAddress}/nowhere?code=secret`)
    await expect.poll(() => spans).toHaveLength(1)
    expect(spans[0]).toEqual({
      name: 'GET unmatched',
      attributes: {
        'http.request.method': 'GET',
        'network.protocol.version': '1.1',
        'http.route': 'unmatched',
        'http.response.status_code': 404,
      },
      status: null,
    })
    expect(JSON.stringify(spans)).not.toContain('secret')
  })

  it('say which requests failed', async () => {
    const spans = recordSpans()
    const { adminAddress, authority } = await startTestServer()
    authority.beginStop()
    await fetch(`${adminAddress}/readyz`)
    await expect.poll(() => spans).toMatchObject([{ name: 'GET /readyz', status: SpanStatusCode.ERROR }])
  })

  it('cost nothing but a look where no SDK is there', async () => {
    trace.disable()
    const { publicAddress } = await startTestServer()
    expect((await fetch(`${publicAddress}/nowhere`)).status).toBe(404)
  })
})

interface Recorded {
  name: string
  attributes: Attributes
  status: SpanStatusCode | null
}

/** A provider that keeps spans once they have ended, as an SDK would. */
function recordSpans(): Recorded[] {
  const ended: Recorded[] = []
  const startSpan = (name: string, { attributes = {} } = {}): Span => {
    const recorded: Recorded = { name, attributes: { ...attributes }, status: null }
    const span = {
      isRecording: () => true,
      updateName(later: string) {
        recorded.name = later
        return span
      },
      setAttributes(more: Attributes) {
        Object.assign(recorded.attributes, more)
        return span
      },
      setAttribute(key: string, value: string) {
        recorded.attributes[key] = value
        return span
      },
      setStatus({ code }: { code: SpanStatusCode }) {
        recorded.status = code
        return span
      },
      end: () => void ended.push(recorded),
    }
    return span as unknown as Span
  }
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as never })
  onTestFinished(() => {
    trace.disable()
    context.disable()
  })
  return ended
}
