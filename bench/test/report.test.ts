import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { drawChart } from '../report/chart.ts'
import { drawCharts } from '../report/charts.ts'
import { listed, number, withSpread } from '../report/format.ts'
import { findLosses } from '../report/losses.ts'
import { renderReport } from '../report/report.ts'
import { judgeTargets } from '../report/targets.ts'
import type { Results } from '../results.ts'
import { quantile, spreadOf } from '../statistics.ts'
import { results, times } from './sample-results.ts'

describe('the report', () => {
  it('shows overheads over the bare server of the same round, and ratios to jose', () => {
    const text = renderReport(results())
    expect(text).toContain(
      '| **coatcheck, memory, 10,000 sessions** | 4.0 (4.0 to 4.0) | 0.10x | 24.0 | 10,000 | 89 | 1.0 |',
    )
    expect(text).toContain('| jose HS256 | 40.0 (40.0 to 40.0) | 1 |')
  })

  it('puts each framework in a table of its own', () => {
    const [, nodeHttp = '', express = ''] = renderReport(results()).split(/### On .*\n/)
    expect(nodeHttp).toContain('| jose HS256 |')
    expect(nodeHttp).not.toContain('express-session, MemoryStore')
    expect(express).toContain('| express-session, MemoryStore, 10,000 sessions | 50.0 (50.0 to 50.0) | 1 |')
  })

  it('names every plot that is drawn, and none else', () => {
    const named = [...renderReport(results()).matchAll(/\]\(benchmarks\/([^)]+)\)/g)].map(([, file]) => file)
    expect(named.toSorted()).toEqual(
      drawCharts(results())
        .map(({ file }) => file)
        .toSorted(),
    )
  })

  it('counts no stall for more than the work took itself', () => {
    const text = renderReport(results({ endUser: [times(4, 9), times(6, 2)] }))
    expect(text).toContain('| 5.0 ms | 6.0 ms | 4.0 ms |')
  })

  it('shows what an idle process is held up for, and leaves that out where it was not measured', () => {
    expect(renderReport(results())).toContain(
      '| control: nothing at all |  | 10,000 ms | 10,000 ms | 2.0 ms |',
    )
    const { idle: _idle, ...older } = results()
    expect(renderReport(older)).not.toContain('control: nothing')
    expect(renderReport(older)).not.toContain('The control shows')
  })

  it('counts the longest stall of all repetitions, and the median of their times', () => {
    const text = renderReport(results({ sweep: [times(900, 5), times(1_000, 80), times(5_000, 7)] }))
    expect(text).toContain(
      '| sweep 100,000 expired among 1,000,000 | memory | 1,000 ms | 5,000 ms | 80.0 ms |',
    )
  })
})

describe('the published report', () => {
  const directory = join(import.meta.dirname, '..')
  const measured = JSON.parse(readFileSync(join(directory, 'results.json'), 'utf8')) as Results

  it('is what the generator makes of the published results, word for word', () => {
    expect(readFileSync(join(directory, '../docs/benchmarks.md'), 'utf8')).toBe(renderReport(measured))
  })

  it('has the plots that the generator makes of them', () => {
    for (const { file, svg } of drawCharts(measured)) {
      expect(readFileSync(join(directory, '../docs/benchmarks', file), 'utf8')).toBe(svg)
    }
  })
})

describe('where we lose', () => {
  it('names each peer that is cheaper in at least three rounds out of four', () => {
    const losses = findLosses(results({ memory: [50, 50, 50, 50] }))
    expect(losses).toContain(
      '**CPU per request:** coatcheck, memory, 10,000 sessions costs 30.0 µs over bare node:http, more than fast-jwt (5.0 µs, a factor of 6.0).',
    )
  })

  it('does not name a peer that is cheaper in every other round only', () => {
    const losses = findLosses(results({ memory: [24, 26, 24, 26] }))
    expect(losses.filter((loss) => loss.startsWith('**CPU'))).toEqual([])
  })

  it('says where more sessions make a request dearer', () => {
    const losses = findLosses(results({ many: [34, 34, 34, 34] }))
    expect(losses).toContain(
      '**Growth:** coatcheck, memory, 1,000,000 sessions costs 10.0 µs per request more than with 10,000 (14.0 against 4.0 µs).',
    )
  })

  it('names missed targets, shorter headers, smaller stores and slow writes', () => {
    const losses = findLosses(results({ endUser: [times(60, 1)], peerHeader: 50, room: 2_000, write: 50 }))
    expect(losses.join('\n')).toContain(
      '**Target missed:** ending the 1,000 sessions of one user among 1,000,000, memory: 60.0 ms, where under 50 ms was aimed at.',
    )
    expect(losses.join('\n')).toContain(
      '**Bandwidth:** our request header of 89 bytes is longer than that of fast-jwt (50 bytes).',
    )
    expect(losses.join('\n')).toContain('takes 2,000 bytes, 4.00x of the 500 bytes')
    expect(losses.join('\n')).toContain('0.50x of the rate at which the disk alone can sync')
  })

  it('always tells that tokens ask no store and take no room', () => {
    const losses = findLosses(results()).join('\n')
    expect(losses).toContain('jose HS256 and fast-jwt ask none')
    expect(losses).toContain('signed tokens and sealed cookies take no room')
  })
})

describe('targets', () => {
  it('are met below their limit and missed at it', () => {
    const verdicts = (took: number) =>
      judgeTargets(results({ endUser: [times(took, 1)] })).map(({ met }) => met)
    expect([verdicts(49.9)[0], verdicts(50)[0]]).toEqual([true, false])
  })
})

describe('plots', () => {
  it('follow light and dark colours, escape what they show, and keep bars within the drawing', () => {
    const svg = drawChart({
      title: 'a < b & c',
      description: 'none',
      axis: 'µs',
      scale: 'logarithmic',
      bars: [
        { label: 'less than nothing', value: -3, low: -5, high: 0.1, text: '-3', kind: 'ours' },
        { label: 'much', value: 300, text: '300', kind: 'peer' },
      ],
    })
    expect(svg).toContain('<title>a &lt; b &amp; c</title>')
    expect(svg).toContain('prefers-color-scheme: dark')
    const widths = [...svg.matchAll(/<rect class="(?:ours|peer)"[^>]* width="([-\d.]+)"/g)].map(([, width]) =>
      Number(width),
    )
    expect(widths).toEqual([0, 380])
  })

  it('have round ticks on a linear axis', () => {
    const bars = [{ label: 'one', value: 1_180, text: '', kind: 'ours' }] as const
    const svg = drawChart({ title: '', description: '', axis: '', scale: 'linear', bars })
    const ticks = [...svg.matchAll(/class="axis"[^>]*>([\d,]+)</g)].map(([, tick]) => tick)
    expect(ticks).toEqual(['0', '500', '1,000', '1,500'])
  })
})

describe('numbers', () => {
  it.each([
    [0, '0.00'],
    [-0.001, '0.00'],
    [0.344, '0.34'],
    [5.25, '5.3'],
    [99.94, '99.9'],
    [1_234.5, '1,235'],
    [-3.21, '-3.2'],
  ])('%d is written as %s', (value, text) => {
    expect(number(value)).toBe(text)
  })

  it('have their quartiles beside them', () => {
    expect(withSpread(spreadOf([1, 2, 3, 4, 5]))).toBe('3.0 (2.0 to 4.0)')
    expect(quantile([1, 2], 0.5)).toBe(1.5)
    expect(() => quantile([], 0.5)).toThrow('nothing')
    expect([listed(['a']), listed(['a', 'b', 'c'])]).toEqual(['a', 'a, b and c'])
  })
})
