import type { NextConfig } from 'next'

const config: NextConfig = {
  // Its SQLite store starts a worker from a file of its own, so it is not bundled; and one process has one of it.
  serverExternalPackages: ['coatcheck'],
  poweredByHeader: false,
  // Next type-checks through an interface that TypeScript 7 does not have; `tsc -p .` does it here.
  typescript: { ignoreBuildErrors: true },
}

export default config
