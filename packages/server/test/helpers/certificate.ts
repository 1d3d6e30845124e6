import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { temporaryDirectory } from './test-server.ts'

/** Settings of a server with a certificate of its own. */
export function certificate(): {
  readonly tlsCert: string
  readonly tlsKey: string
  readonly publicUrl: string
} {
  const directory = temporaryDirectory()
  const [tlsKey, tlsCert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const files = ['-keyout', tlsKey, '-out', tlsCert]
  const about = ['-days', '2', '-subj', '/CN=localhost']
  execFileSync('openssl', ['req', '-x509', '-nodes', ...curve, ...about, ...files], { stdio: 'ignore' })
  return { tlsCert, tlsKey, publicUrl: 'https://localhost:4000' }
}
