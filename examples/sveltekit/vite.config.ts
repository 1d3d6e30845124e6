import { sveltekit } from '@sveltejs/kit/vite'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [sveltekit()],
  // Its SQLite store starts a worker from a file of its own, so it is not bundled.
  build: { rolldownOptions: { external: /^coatcheck/ } },
})
