import { serve } from '@hono/node-server'
import { createApp } from './app.ts'
import { sessions } from './sessions.ts'

const port = Number(process.env.PORT ?? 3000)

await sessions.open() // trouble with the database shows now
const server = serve({ fetch: createApp(sessions).fetch, port }, () => {
  console.log(`Listening on http://localhost:${port} (log in as ada / analytical-engine)`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => server.close(() => sessions.close()))
}
