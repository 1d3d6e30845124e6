#!/usr/bin/env node
import process from 'node:process'
import { run } from '@coatcheck/server/command'

// Whoever reads may stop before the end: `coatcheck audit | head`.
process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1))
process.stderr.on('error', () => {})
process.exitCode = await run(process.argv.slice(2), process)
