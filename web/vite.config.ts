import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// Django serves the pages: `web/dist` is mounted at /static/web/, so the browser requests every asset below that path.
export default defineConfig({
  base: '/static/web/',
  plugins: [react()],
  server: {
    proxy: { '^/graphql/$': { target: 'http://127.0.0.1:8000', ws: true } },
  },
  optimizeDeps: { exclude: ['graphiql/setup-workers/vite', '@graphiql/react/setup-workers/vite'] },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 6000,
    rolldownOptions: {
      checks: { moduleLevelDirective: false },
      input: { graphiql: 'graphiql/index.html', demo: 'demo/index.html' },
    },
  },
  test: { include: ['src/**/*.test.ts'] },
});
