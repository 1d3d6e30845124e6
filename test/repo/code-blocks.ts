/** One fenced block of TypeScript in a page of documentation. */
export interface CodeBlock {
  readonly page: string
  /** Line of the page on which its code starts. */
  readonly line: number
  /** File that it is compiled as, so that other blocks of the page can import it. */
  readonly name: string
  readonly code: string
  /** Why it is not compiled; `null` where it is, an empty string where no reason is given. */
  readonly ignored: string | null
}

const FENCE = /^(`{3,})(\S*) *(.*)$/
const REASON = /^<!-- not compiled: (.+) -->$/

/**
 * The TypeScript blocks of a page. A block is compiled under the name in its first line (`// sessions.ts`), else under one
 * of its own. A block that begins with ` ```ts ignore ` is left out; the line before it says why:
 * `<!-- not compiled: the import exists in Next only -->`.
 */
export function codeBlocks(page: string, markdown: string): CodeBlock[] {
  const lines = markdown.split('\n')
  const blocks: CodeBlock[] = []
  for (let at = 0; at < lines.length; at++) {
    const [, fence, language, info] = FENCE.exec(lines[at]?.trim() ?? '') ?? []
    if (!fence) continue
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence)
    if (end < 0) throw new Error(`${page}:${at + 1} the code block has no end.`)
    if (/^(ts|typescript)$/.test(language ?? '')) {
      const ignored = info?.split(' ').includes('ignore') ? reasonAbove(lines, at) : null
      blocks.push(block(page, at + 2, lines.slice(at + 1, end), ignored))
    }
    at = end
  }
  return blocks
}

/** The text of the module that a block is compiled as; its line numbers are those of the page. */
export function moduleText(block: CodeBlock): string {
  return `${'\n'.repeat(block.line - 1)}${block.code}\nexport {}\n`
}

function block(page: string, line: number, code: readonly string[], ignored: string | null): CodeBlock {
  const named = /^\/\/ ([\w./-]+\.ts)$/.exec(code[0]?.trim() ?? '')
  return { page, line, name: named?.[1] ?? `block-${line}.ts`, code: code.join('\n'), ignored }
}

/** The reason in the last line above `at` that is not empty; empty where there is none. */
function reasonAbove(lines: readonly string[], at: number): string {
  const above = lines.slice(0, at).findLast((line) => line.trim() !== '')
  return REASON.exec(above?.trim() ?? '')?.[1] ?? ''
}
