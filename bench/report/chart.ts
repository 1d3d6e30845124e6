/** One bar of a chart. */
export interface Bar {
  readonly label: string
  readonly value: number
  /** Ends of the line that shows the spread. */
  readonly low?: number
  readonly high?: number
  readonly text: string
  readonly kind: 'ours' | 'peer' | 'other'
}

export interface Chart {
  readonly title: string
  /** What is drawn, for those who cannot see it, and the unit of the axis. */
  readonly description: string
  readonly axis: string
  readonly scale: 'linear' | 'logarithmic'
  readonly bars: readonly Bar[]
}

const WIDTH = 920
const LABELS = 390
const VALUES = 150
const PLOT = WIDTH - LABELS - VALUES
const ROW = 28
const TOP = 44
const BOTTOM = 46

/** An SVG file that stands by itself and follows the reader's light or dark colours. */
export function drawChart(chart: Chart): string {
  const height = TOP + chart.bars.length * ROW + BOTTOM
  const place = axisOf(chart)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(chart.title)}</title>`,
    `<desc>${escaped(chart.description)}</desc>`,
    STYLE,
    `<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>`,
    `<text class="title" x="16" y="27">${escaped(chart.title)}</text>`,
    ...place.ticks.flatMap((tick) => drawTick(tick, place.at(tick), height)),
    ...chart.bars.flatMap((bar, index) => drawBar(bar, TOP + index * ROW, place.at)),
    `<text class="axis" x="${LABELS + PLOT / 2}" y="${height - 10}" text-anchor="middle">${escaped(chart.axis)}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

const STYLE = `<style>
text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.axis { fill: #59636e; font-size: 12px }
.ground { fill: #ffffff }
.grid { stroke: #d8dee4 }
.ours { fill: #1f6feb } .peer { fill: #8b949e } .other { fill: #c4ccd4 }
.spread { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .axis { fill: #9198a1 } .ground { fill: #0d1117 } .grid { stroke: #30363d }
.ours { fill: #4493f8 } .peer { fill: #7d8590 } .other { fill: #484f58 } .spread { stroke: #e6edf3 }
}
</style>`

interface Axis {
  readonly ticks: readonly number[]
  at(value: number): number
}

function axisOf({ scale, bars }: Chart): Axis {
  const most = Math.max(...bars.map(({ value, high }) => Math.max(value, high ?? value)))
  if (scale === 'linear') {
    const step = niceStep(most / 4)
    const end = Math.max(step, Math.ceil(most / step) * step)
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step)
    return { ticks, at: (value) => LABELS + (Math.max(0, value) / end) * PLOT }
  }
  // Half a power of ten, so that the shortest bar can be seen; what is less than nothing has none.
  const least = Math.max(1, Math.min(...bars.map(({ value }) => value)))
  const start = 10 ** Math.floor(Math.log10(least)) / 2
  const end = Math.max(10 * start, most)
  const decades = Math.log10(end / start)
  const ticks = [1, 10, 100, 1_000, 10_000, 100_000].filter((tick) => tick >= start && tick <= end)
  return { ticks, at: (value) => LABELS + (Math.log10(Math.max(start, value) / start) / decades) * PLOT }
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(raw, 1e-9)))
  const factor = [1, 2, 5].find((candidate) => candidate * power >= raw) ?? 10
  return factor * power
}

function drawTick(tick: number, x: number, height: number): string[] {
  return [
    `<line class="grid" x1="${round(x)}" y1="${TOP - 6}" x2="${round(x)}" y2="${height - BOTTOM + 4}"/>`,
    `<text class="axis" x="${round(x)}" y="${height - BOTTOM + 18}" text-anchor="middle">${tick.toLocaleString('en')}</text>`,
  ]
}

function drawBar(bar: Bar, y: number, at: (value: number) => number): string[] {
  const middle = y + ROW / 2
  const lines = [
    `<text x="${LABELS - 10}" y="${middle + 4}" text-anchor="end">${escaped(bar.label)}</text>`,
    `<rect class="${bar.kind}" x="${LABELS}" y="${y + 5}" width="${round(at(bar.value) - LABELS)}" height="${ROW - 10}" rx="2"/>`,
  ]
  const end = at(Math.max(bar.value, bar.high ?? bar.value))
  if (bar.low !== undefined && bar.high !== undefined) {
    lines.push(
      `<line class="spread" x1="${round(at(bar.low))}" y1="${middle}" x2="${round(at(bar.high))}" y2="${middle}"/>`,
    )
  }
  lines.push(`<text x="${round(end) + 8}" y="${middle + 4}">${escaped(bar.text)}</text>`)
  return lines
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
