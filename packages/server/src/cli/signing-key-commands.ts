import type { KeyRotation, SigningKeyInfo } from 'coatcheck/tokens'
import { type Column, timeText } from './output.ts'
import { administers, type Program } from './program.ts'
import { FAILED } from './surroundings.ts'

const COLUMNS: readonly Column<SigningKeyInfo>[] = [
  ['kid', ({ kid }) => kid],
  ['algorithm', ({ algorithm }) => algorithm],
  ['state', ({ state }) => state],
  ['until', ({ until }) => timeText(until)],
]

export function signingKeyCommands(program: Program): void {
  const group = program.root.command('keys').description('keys that sign access tokens')
  administers(program, group.command('list').description('the keys, without key material'), async (admin) => {
    const { keys } = (await admin.call('GET', '/signing-keys')).body as { readonly keys: SigningKeyInfo[] }
    admin.table(COLUMNS, keys)
  })
  administers(
    program,
    group
      .command('rotate')
      .description('let the next key sign from now on; tokens of the old one stay good until they expire'),
    async (admin) => {
      const rotation = (await admin.call('POST', '/signing-keys/rotate')).body as KeyRotation
      const { rotated, current, earliestAt } = rotation
      const why = `Not yet: the next key is published until every verifier has it, ${timeText(earliestAt)}.`
      admin.done(rotated ? `Signs now: ${current}` : why, rotation)
      if (!rotated) program.exitCode = FAILED
    },
  )
}
