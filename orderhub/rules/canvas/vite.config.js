// Builds the rule canvas into static/rules/canvas. The editor has no translations: its quoted labels become look-ups
// in window.canvasWords, which the page fills from zh.json for Chinese readers and leaves empty for others.
import fs from 'node:fs';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const words = JSON.parse(fs.readFileSync(new URL('./zh.json', import.meta.url), 'utf8'));
const LABELS = /\b(children|title|label|displayName|placeholder|tooltip|okText|cancelText|shortDescription|helper|message|description|text|name)(:\s*)"((?:[^"\\]|\\.)+)"/g;
const spoken = {
  name: 'canvas-words',
  enforce: 'pre',
  transform(code, id) {
    if (!/@gorules\/jdm-editor\/dist\/index.*\.js$/.test(id)) return null;
    const unknown = new Set();
    let found = 0;
    let out = code.replace(LABELS, (whole, key, between, text) => {
      if (words[text]) { found += 1; return `${key}${between}(globalThis.canvasWords&&globalThis.canvasWords[${JSON.stringify(text)}]||${JSON.stringify(text)})`; }
      if (/^[A-Z][a-z]/.test(text)) unknown.add(text);
      return whole;
    });
    if (process.env.SHOW_UNKNOWN) console.log([...unknown].join('\n'));
    console.log(`canvas-words: ${found} labels spoken, ${unknown.size} left as they are`);
    return { code: out, map: null };
  },
};

export default defineConfig({
  plugins: [spoken, react()],
  base: './',
  define: { 'process.env.NODE_ENV': '"production"' },
  build: {
    outDir: '../../../static/rules/canvas',
    emptyOutDir: true,
    chunkSizeWarningLimit: 9000,
    rollupOptions: {
      input: 'src/main.jsx',
      output: { entryFileNames: 'canvas.js', assetFileNames: 'assets/[name][extname]', chunkFileNames: 'assets/[name]-[hash].js' },
    },
  },
  worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'assets/[name].js' } } },
});
