import { type Request, type Response, Router } from 'express'
import type { Clock } from '../clock.ts'
import { formField } from '../form.ts'
import { refuseOtherSites } from '../other-sites.ts'
import type { Shop } from '../shop.ts'
import { networkOf } from '../sign-in.ts'
import { Throttle } from '../throttle.ts'
import type { Attack } from './attack.ts'
import { linksToAttacker } from './attacker-site.ts'
import { ATTACKS } from './attacks.ts'
import type { ShopAddress } from './lab-client.ts'
import type { LabGuests } from './lab-guests.ts'
import { labPage } from './lab-page.ts'
import { resultPage } from './result-page.ts'
import { LabRunner } from './runner.ts'
import type { OpenTwin } from './twin.ts'

export interface LabParts {
  readonly clock: Clock
  readonly guests: LabGuests
  readonly openTwin: OpenTwin
}

/** The attack lab: pages that tell of attacks, and a form that runs them against this very shop over HTTP. */
export function labRoutes(shop: Shop, { clock, guests, openTwin }: LabParts): Router {
  const routes = Router()
  const runner = new LabRunner()
  const throttle = new Throttle({ free: 30, window: 60_000, firstWait: 1_000, longestWait: 15_000 }, clock)

  routes.get('/', (request, response) => {
    response.send(labPage(shop.pageContext(request), linksToAttacker(request)))
  })

  routes.post('/', refuseOtherSites, async (request, response) => {
    const attacks = chosen(formField(request, 'attack'))
    if (attacks.length === 0) {
      response.redirect(303, '/lab')
      return
    }
    const wait = throttle.begin(networkOf(request))
    const target = { at: addressOf(request), sessions: shop.sessions, guests, openTwin }
    const running = wait > 0 ? null : shop.panel.aside(() => runner.run(attacks, target))
    if (running === null) tooMuch(shop, request, response, wait || 5_000)
    else response.send(resultPage(shop.pageContext(request), await running))
  })

  return routes
}

function chosen(id: string): readonly Attack[] {
  if (id === 'all') return ATTACKS
  return ATTACKS.filter((attack) => attack.id === id)
}

function tooMuch(shop: Shop, request: Request, response: Response, wait: number): void {
  const seconds = Math.ceil(wait / 1_000)
  response.status(429).set('retry-after', String(seconds))
  const notice = `The lab is busy. Please try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`
  response.send(labPage(shop.pageContext(request), linksToAttacker(request), notice))
}

/** Where this request reached the shop: the lab's clients go to the same door, from this machine. */
function addressOf({ socket: { localAddress = '', localPort = 0 } }: Request): ShopAddress {
  const isLoopback = localAddress === '::1' || /^(?:::ffff:)?127\./.test(localAddress)
  return { address: isLoopback ? localAddress : '127.0.0.1', port: localPort }
}
