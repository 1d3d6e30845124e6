/** First match names the browser: most of them claim to be others too, so the order is the rule. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:Edg|EdgA|EdgiOS)\//, 'Edge'],
  [/\b(?:OPR|OPiOS|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bVersion\/[\d.]+ .*\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
  [/^(?:node|undici)(?:\/|$)/i, 'Node.js'],
]

const PLATFORMS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:iPhone|iPad|iPod)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
]

/**
 * A few words that people recognise their device by: `Chrome on Android`, `curl`. The common names only, without
 * versions, which change under the same device; `null` for everything else, never a guess.
 */
export function labelUserAgent(userAgent: string | null): string | null {
  if (userAgent === null) return null
  const browser = firstMatch(BROWSERS, userAgent)
  const platform = firstMatch(PLATFORMS, userAgent)
  return browser !== null && platform !== null ? `${browser} on ${platform}` : (browser ?? platform)
}

function firstMatch(table: readonly (readonly [RegExp, string])[], text: string): string | null {
  return table.find(([pattern]) => pattern.test(text))?.[1] ?? null
}
