import { type Engine, findEngine, howToGet, readEngines, testPattern } from './engines.ts'
import { conclude, runVitest } from './run-tests.ts'
import { testFiles, testParts } from './workspace.ts'

// `npm test`: everything but the long runs. Arguments go to vitest: `npm test -- packages/coatcheck/test/core`.
const parts = testParts()
console.log(`coatcheck tests on Node ${process.versions.node}`)
for (const part of parts) console.log(`part ${part.name}: ${part.directory}`)

const problems: string[] = []
for (const engine of readEngines()) leaveOutIfMissing(engine)
const long = testFiles('**/*.soak.ts')
if (long.length > 0) console.log(`left out: ${long.length} long-running file(s); run them with: npm run soak`)

process.exitCode = conclude(runVitest(process.argv.slice(2)), parts, problems)

function leaveOutIfMissing(engine: Engine): void {
  const files = testFiles(testPattern(engine))
  if (files.length === 0 || findEngine(engine) !== null) return
  const sentence = `${files.length} test file(s) that need ${engine.name}: ${howToGet(engine)}`
  console.log(`left out: ${sentence}`)
  if (process.env.CI === 'true') problems.push(`left out ${sentence}`)
}
