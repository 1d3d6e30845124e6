import { Router } from 'express'
import { formField } from './form.ts'
import { preferencesPage } from './pages/preferences-page.ts'
import { parsePreferences } from './preferences.ts'
import type { Shop } from './shop.ts'

/** For visitors too: theirs stay in the session; a user's go with the account to every device. */
export function preferenceRoutes(shop: Shop): Router {
  const routes = Router()

  routes.get('/', (request, response) => {
    response.send(preferencesPage(shop.pageContext(request)))
  })

  routes.post('/', (request, response) => {
    const session = shop.sessions.of(request)
    const preferences = parsePreferences(formField(request, 'theme'), formField(request, 'currency'))
    if (preferences) {
      session.set('theme', preferences.theme)
      session.set('currency', preferences.currency)
      if (session.userId !== null) shop.accounts.savePreferences(session.userId, preferences)
      session.set('notice', { tone: 'good', text: 'Your preferences are kept.' })
    } else {
      session.set('notice', { tone: 'bad', text: 'Choose a theme and a currency from the lists.' })
    }
    response.redirect(303, '/preferences')
  })

  return routes
}
