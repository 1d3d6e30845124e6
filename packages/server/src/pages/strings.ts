import { readFileSync } from 'node:fs'
import { ConfigurationError } from '../config/resolve.ts'

/** The words of the pages by their keys. */
export type Words = (key: string, values?: Readonly<Record<string, string | number>>) => string

/** Reads the words, those of the operator's file over ours. Throws `ConfigurationError` with all its mistakes. */
export function readWords(path: string | null): Words {
  const ours = parse(readFileSync(new URL('../../assets/strings.en.json', import.meta.url), 'utf8'))
  const theirs = path === null ? {} : readOverrides(path)
  const mistakes = Object.entries(theirs).flatMap(([key, text]) => mistakesOf(key, text, ours[key]))
  if (mistakes.length > 0) throw new ConfigurationError(mistakes)
  const words: Readonly<Record<string, unknown>> = { ...ours, ...theirs }
  return (key, values = {}) => {
    const text = words[key]
    if (typeof text !== 'string') throw new TypeError(`There are no words for ${key}.`)
    return text.replaceAll(PLACEHOLDER, (_, name: string) => String(values[name] ?? ''))
  }
}

const PLACEHOLDER = /\{(\w+)\}/g

function readOverrides(path: string): Record<string, unknown> {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch {
    throw new ConfigurationError(['strings must be a readable JSON file with one object of texts.'])
  }
}

function parse(text: string): Record<string, unknown> {
  const content: unknown = JSON.parse(text)
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) {
    return content as Record<string, unknown>
  }
  throw new TypeError('Not an object.')
}

function mistakesOf(key: string, text: unknown, original: unknown): string[] {
  if (typeof original !== 'string') return [`strings has a key ${JSON.stringify(key)} that no page uses.`]
  if (typeof text !== 'string' || text.trim() === '') return [`strings: ${key} must be a text.`]
  const known = placeholders(original)
  return placeholders(text)
    .filter((name) => !known.includes(name))
    .map((name) => `strings: ${key} has no value {${name}}; it has ${known.join(', ') || 'none'}.`)
}

function placeholders(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name)
}
