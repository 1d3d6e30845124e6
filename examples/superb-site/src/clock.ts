/** Where the shop reads the time; tests give the sessions' own fake one. Epoch milliseconds. */
export interface Clock {
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
