import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { Hono } from 'hono'
import { ConfigurationError } from '../config/resolve.ts'
import type { Settings } from '../config/settings.ts'
import { sha256 } from '../system.ts'

/** A file that pages load, named by its content so that browsers may keep it for ever. */
interface ThemeFile {
  readonly path: string
  readonly type: string
  readonly content: Uint8Array<ArrayBuffer>
}

export interface Theme {
  /** Style sheets, ours first. */
  readonly styles: readonly string[]
  /** Address of the operator's logo, or `null`. */
  readonly logo: string | null
  readonly files: readonly ThemeFile[]
}

const LOGO_TYPES: Readonly<Record<string, string>> = { '.svg': 'image/svg+xml', '.png': 'image/png' }
const MAX_LOGO = 512 * 1024

/** Reads style sheets and logo once. Throws `ConfigurationError` for files that are not there or not what they should be. */
export function readTheme({ themeCss, logo }: Pick<Settings, 'themeCss' | 'logo'>): Theme {
  const base = fileOf('pages.css', 'text/css; charset=utf-8', read('pages', ASSET))
  const theme = themeCss === null ? null : fileOf('theme.css', base.type, read('theme-css', themeCss))
  const picture = logo === null ? null : logoOf(logo)
  return {
    styles: [base, theme].flatMap((file) => (file ? [file.path] : [])),
    logo: picture?.path ?? null,
    files: [base, theme, picture].filter((file) => file !== null),
  }
}

/** Serves the files of a theme. A picture opened by itself can do nothing. */
export function themeRoutes(app: Hono, { files }: Theme, headers: Readonly<Record<string, string>>): void {
  for (const { path, type, content } of files) {
    app.get(path, (c) =>
      c.body(content, 200, {
        ...headers,
        'content-type': type,
        'cache-control': 'public, max-age=31536000, immutable',
        'content-security-policy':
          "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
      }),
    )
  }
}

const ASSET = new URL('../../assets/pages.css', import.meta.url)

function logoOf(path: string): ThemeFile {
  const type = LOGO_TYPES[extname(path).toLowerCase()]
  const content = read('logo', path)
  if (type === undefined || content.length > MAX_LOGO) {
    throw new ConfigurationError(['logo must be an .svg or .png file of at most 512 kB.'])
  }
  return fileOf(`logo${extname(path).toLowerCase()}`, type, content)
}

function fileOf(name: string, type: string, content: Uint8Array<ArrayBuffer>): ThemeFile {
  return { path: `/page-files/${sha256(content).slice(0, 12)}-${name}`, type, content }
}

function read(setting: string, path: string | URL): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path))
  } catch {
    throw new ConfigurationError([`${setting} cannot be read.`])
  }
}
