import type { OpenAPIHono } from '@hono/zod-openapi'
import { SERVICE_SCOPES } from './scopes.ts'

/** The description of `/v1` as OpenAPI 3.1: made of the routes and shapes that requests are checked with. */
export function toOpenApi(app: OpenAPIHono): object {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: `An API key of a service. Scopes: ${scopes()}`,
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'header', {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
  })
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'coatcheck session API',
      version: '1',
      license: { name: 'MIT' },
      description: 'Sessions for services in any language. See docs/guides/session-api.md.',
    },
    servers: [{ url: '/' }],
  })
}

function scopes(): string {
  return Object.entries(SERVICE_SCOPES)
    .map(([scope, meaning]) => `${scope} (${meaning})`)
    .join('; ')
}
