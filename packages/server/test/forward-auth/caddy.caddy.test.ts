import { guideFiles, writeGuideFiles } from '../helpers/guide-files.ts'
import { startCaddy } from '../helpers/proxies.ts'
import { describeProxy, type ProxySite } from './behind-proxy.ts'

const files = guideFiles('forward-auth')

async function start({ directory, port, server, application, claims }: ProxySite): Promise<void> {
  writeGuideFiles(directory, files, ['Caddyfile'], {
    '127.0.0.1:4000': `127.0.0.1:${server}`,
    '127.0.0.1:3000': `127.0.0.1:${application}`,
    'localhost:8080': `localhost:${port}`,
    ...(claims && {
      'outage=503': 'outage=503&token=orders',
      'X-Auth-User X-Auth-Session': 'X-Auth-User X-Auth-Session X-Auth-Email X-Auth-Token',
    }),
  })
  await startCaddy(directory, port)
}

describeProxy('Caddy', start)
