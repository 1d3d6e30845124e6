import { describe, expect, it } from 'vitest'
import { isProgram, parseSource, repositorySources, type Source } from './sources.ts'

const MEDIAN_FUNCTION = 10
const P95_FUNCTION = 40
const LONGEST_FUNCTION = 60
const P95_FILE = 250
const LONGEST_FILE = 400

const sources = repositorySources()
const program = sources.filter((source) => isProgram(source.path))

describe('sizes', () => {
  it(`functions have at most ${MEDIAN_FUNCTION} lines in the median and ${P95_FUNCTION} at the 95th percentile`, () => {
    const lengths = program.flatMap((source) => source.functions.map((one) => one.lines))
    console.log(`${lengths.length} functions: ${distribution(lengths)}`)
    expect(percentile(lengths, 50)).toBeLessThanOrEqual(MEDIAN_FUNCTION)
    expect(percentile(lengths, 95)).toBeLessThanOrEqual(P95_FUNCTION)
  })

  it(`no function is longer than ${LONGEST_FUNCTION} lines`, () => {
    expect(longFunctions(program)).toEqual([])
  })

  it(`program files have at most ${P95_FILE} lines at the 95th percentile`, () => {
    const lengths = program.map((source) => source.lines)
    console.log(`${lengths.length} files: ${distribution(lengths)}`)
    expect(percentile(lengths, 95)).toBeLessThanOrEqual(P95_FILE)
  })

  it(`no file, tests included, is longer than ${LONGEST_FILE} lines`, () => {
    expect(longFiles(sources)).toEqual([])
  })
})

describe('the measures', () => {
  it('see a long method, arrow function and object method by their names', () => {
    const body = '{\n'.concat('work()\n'.repeat(LONGEST_FUNCTION), '}')
    const text = `class A { run() ${body} }\nconst later = () => ${body}\nconst o = { go() ${body} }\nfunction ok() {}`
    expect(longFunctions([parseSource('a.ts', text)])).toEqual([
      'a.ts:1 run has 62 lines',
      'a.ts:63 later has 62 lines',
      'a.ts:125 go has 62 lines',
    ])
  })

  it('see a long file', () => {
    const text = '\n'.repeat(LONGEST_FILE)
    expect(longFiles([parseSource('a.ts', text)])).toEqual([])
    expect(longFiles([parseSource('a.ts', `${text}\n`)])).toEqual([`a.ts has ${LONGEST_FILE + 1} lines`])
  })

  it('take percentiles by the nearest rank', () => {
    expect([50, 95, 100].map((rank) => percentile([4, 1, 3, 2], rank))).toEqual([2, 4, 4])
  })
})

function longFunctions(files: readonly Source[]): string[] {
  return files.flatMap(({ path, functions }) =>
    functions
      .filter((one) => one.lines > LONGEST_FUNCTION)
      .map((one) => `${path}:${one.line} ${one.name} has ${one.lines} lines`),
  )
}

function longFiles(files: readonly Source[]): string[] {
  return files
    .filter((file) => file.lines > LONGEST_FILE)
    .map((file) => `${file.path} has ${file.lines} lines`)
}

function distribution(lengths: readonly number[]): string {
  return `median ${percentile(lengths, 50)}, p95 ${percentile(lengths, 95)}, longest ${percentile(lengths, 100)} lines`
}

function percentile(values: readonly number[], rank: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((sorted.length * rank) / 100) - 1)] ?? 0
}
