import { createSessions } from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'
import { createApp } from './app.ts'
import { findProvider } from './provider.ts'

const {
  PORT = '3000',
  ORIGIN: origin = `http://localhost:${PORT}`,
  ISSUER: issuer = 'http://localhost:4000',
  CLIENT_ID: clientId = 'shop',
  CLIENT_SECRET: clientSecret = '',
  API: api = 'https://orders.example',
  API_URL: apiUrl = 'http://localhost:3001/orders',
} = process.env

const sessions = createSessions<object>({
  store: sqlite(`${process.env.DATA_DIR ?? './data'}/sessions.db`),
})
const provider = await findProvider(sessions, { issuer, clientId, clientSecret, origin, api })

const server = createApp(sessions, provider, { origin, api, apiUrl }).listen(Number(PORT), (error) => {
  if (error) throw error
  console.log(`Listening on ${origin}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => server.close(() => sessions.close()))
}
