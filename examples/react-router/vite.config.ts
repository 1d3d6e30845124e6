import { reactRouter } from '@react-router/dev/vite'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [reactRouter()],
  // Its SQLite store starts a worker from a file of its own, so it is not bundled.
  build: { rolldownOptions: { external: /^coatcheck/ } },
})
