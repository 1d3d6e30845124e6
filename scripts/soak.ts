import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { conclude, runVitest } from './run-tests.ts'
import { testFiles, testParts } from './workspace.ts'

// `npm run soak -- [--seed 123] [vitest filters]`: the long runs, files named *.soak.ts. They read COATCHECK_SEED; fast-check's
// properties start from it, too.
const { values, positionals } = parseArgs({ options: { seed: { type: 'string' } }, allowPositionals: true })
const seed = values.seed ?? process.env.COATCHECK_SEED ?? String(randomInt(2 ** 31))
if (!/^\d{1,10}$/.test(seed) || Number(seed) >= 2 ** 31) {
  console.error(`--seed must be a whole number from 0 to 2^31 - 1, not '${seed}'.`)
  process.exit(1)
}

console.log(`coatcheck long runs on Node ${process.versions.node}, seed ${seed}`)
for (const file of testFiles('**/*.soak.ts')) console.log(`long run: ${file}`)
const result = runVitest(positionals, { COATCHECK_SOAK: '1', COATCHECK_SEED: seed })
console.log(`repeat this run with: npm run soak -- --seed ${seed}`)
process.exitCode = conclude(result, testParts(), [])
