import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { findEngine, readEngines, testPattern } from './scripts/engines.ts'
import { testParts } from './scripts/workspace.ts'

// Our sources instead of the build. Nothing may be added that `require` would wrongly match, such as `import` or `module`.
const SOURCE = 'coatcheck-source'
const missing = readEngines().filter((engine) => findEngine(engine) === null)
const long = process.env.COATCHECK_SOAK === '1'

export default defineConfig({
  resolve: { conditions: [SOURCE, 'node'] },
  ssr: { resolve: { conditions: [SOURCE, 'node'], externalConditions: [SOURCE] } },
  test: {
    pool: 'forks',
    testTimeout: long ? 3_600_000 : 60_000,
    hookTimeout: 60_000,
    // Two more than there are cores: many tests wait for servers and browsers, or for time to pass.
    maxWorkers: availableParallelism() + 2,
    exclude: ['**/node_modules/**', ...missing.map(testPattern)],
    ...(long && { setupFiles: ['scripts/soak-setup.ts'], fileParallelism: false }),
    projects: testParts().map((part) => ({
      extends: true,
      test: { name: part.name, include: [`${part.directory}**/*.${long ? 'soak' : 'test'}.ts`] },
    })),
  },
})
