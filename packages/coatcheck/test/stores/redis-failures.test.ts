import { describe, expect, it } from 'vitest'
import { isMoving } from '../../src/stores/redis/failures.ts'

describe('a slot on the move is known', () => {
  it.each([
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'MOVED 3999 127.0.0.1:6381',
    'ASK 3999 127.0.0.1:6381',
    'Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request during rehashing of slot',
  ])('by %s', (message) => {
    expect(isMoving(new Error(message))).toBe(true)
  })

  it.each([
    'Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down',
    'LOADING Redis is loading the dataset in memory',
    'a TRYAGAIN in the middle',
  ])('and is not seen in %s', (message) => {
    expect(isMoving(new Error(message))).toBe(false)
  })
})
