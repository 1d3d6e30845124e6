import { safeRedirectPath } from 'coatcheck'
import { Router } from 'express'
import { nameProblem, passwordProblem, toAccountName } from './account-rules.ts'
import { formField, type Problem, queryField } from './form.ts'
import { refuseOtherSites } from './other-sites.ts'
import { signUpPage } from './pages/sign-up-page.ts'
import { tooManyAccounts } from './pages/waiting.ts'
import type { Shop } from './shop.ts'
import { networkOf, signIn } from './sign-in.ts'

export function signUpRoutes(shop: Shop): Router {
  const routes = Router()
  const { sessions, accounts, signUpThrottle } = shop

  routes.get('/sign-up', (request, response) => {
    const returnTo = safeRedirectPath(queryField(request, 'return'))
    response.send(signUpPage(shop.pageContext(request), { name: '', returnTo, problems: [] }))
  })

  routes.post('/sign-up', refuseOtherSites, async (request, response) => {
    const name = formField(request, 'name')
    const password = formField(request, 'password')
    const returnTo = safeRedirectPath(formField(request, 'return'))
    const refuse = (status: number, problems: readonly Problem[]) =>
      response.status(status).send(signUpPage(shop.pageContext(request), { name, returnTo, problems }))
    const problems = findProblems(name, password)
    if (problems.length > 0) {
      refuse(422, problems)
      return
    }
    const wait = signUpThrottle.begin(networkOf(request))
    if (wait > 0) {
      response.set('retry-after', String(Math.ceil(wait / 1_000)))
      refuse(429, [{ field: 'name', text: tooManyAccounts(wait) }])
      return
    }
    const userId = await accounts.create(name, password)
    if (userId === null) {
      refuse(422, [{ field: 'name', text: 'This name is taken. Choose another.' }])
      return
    }
    const session = sessions.of(request)
    accounts.savePreferences(userId, { theme: session.get('theme'), currency: session.get('currency') })
    await signIn(shop, request, userId, {})
    const text = `Welcome, ${accounts.nameOf(userId)}. Your account is open, and you have a new token.`
    session.set('notice', { tone: 'good', text })
    response.redirect(303, returnTo)
  })

  return routes
}

function findProblems(name: string, password: string): readonly Problem[] {
  const found = {
    name: nameProblem(toAccountName(name)),
    password: passwordProblem(password, toAccountName(name)),
  }
  return Object.entries(found).flatMap(([field, text]) => (text === null ? [] : [{ field, text }]))
}
