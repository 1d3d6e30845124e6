/** For a form that was sent too often; the wait in milliseconds. */
export function tooManyGuesses(wait: number): string {
  return `That was wrong too often. Wait ${inWords(wait)}, then try again. The account is not locked: from elsewhere it can be used as ever.`
}

export function tooManyAccounts(wait: number): string {
  return `Too many accounts were made from your network. Wait ${inWords(wait)}, then try again.`
}

function inWords(wait: number): string {
  const seconds = Math.ceil(wait / 1_000)
  return seconds === 1 ? 'one second' : `${seconds} seconds`
}
