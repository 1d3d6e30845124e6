import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { guideFiles, writeGuideFiles } from '../helpers/guide-files.ts'
import { startNginx } from '../helpers/proxies.ts'
import { describeProxy, type ProxySite } from './behind-proxy.ts'

const files = guideFiles('forward-auth')

async function start({ directory, port, server, application, claims }: ProxySite): Promise<void> {
  writeGuideFiles(
    directory,
    files,
    ['coatcheck.conf', 'protected.conf', 'nginx.conf', 'application.conf', 'claims.conf'],
    {
      '127.0.0.1:4000': `127.0.0.1:${server}`,
      '127.0.0.1:3000': `127.0.0.1:${application}`,
      '127.0.0.1:8080': 'unix:site.sock',
      '127.0.0.1:8081': `127.0.0.1:${port}`,
    },
  )
  const main = join(directory, 'nginx.conf')
  const text = readFileSync(main, 'utf8')
  writeFileSync(main, text.replace(/\n\}\n$/, '\n  include application.conf;\n}\n'))
  if (claims) {
    edit(join(directory, 'coatcheck.conf'), 'coatcheck/forward-auth', 'coatcheck/forward-auth?token=orders')
    edit(join(directory, 'protected.conf'), 'proxy_set_header X-Auth-Token "";', 'include claims.conf;')
  }
  await startNginx(directory, port)
}

describeProxy('nginx', start)

function edit(path: string, from: string, to: string): void {
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to))
}
