// Builds the rule canvas into static/rules/canvas. The editor has no translations: its quoted labels become look-ups
// in window.canvasWords, which the page fills from zh.json for Chinese readers and leaves empty for others.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const words = JSON.parse(fs.readFileSync(new URL('./zh.json', import.meta.url), 'utf8'));
const LABELS = /\b(children|title|label|displayName|placeholder|tooltip|okText|cancelText|shortDescription|helper|message|description|text|name)(:\s*)"((?:[^"\\]|\\.)+)"/g;
const spoken = {
  name: 'canvas-words',
  enforce: 'pre',
  transform(code, id) {
    if (!/@gorules\/jdm-editor\/dist\/index\.js$/.test(id)) return null;
    const unknown = new Set();
    let found = 0;
    let out = code.replace(LABELS, (whole, key, between, text) => {
      if (words[text]) { found += 1; return `${key}${between}(globalThis.canvasWords&&globalThis.canvasWords[${JSON.stringify(text)}]||${JSON.stringify(text)})`; }
      if (/^[A-Z][a-z]/.test(text)) unknown.add(text);
      return whole;
    });
    // Words that stand alone in an array of children, or as the two sides of a choice.
    const speak = (text) => `(globalThis.canvasWords&&globalThis.canvasWords[${JSON.stringify(text)}]||${JSON.stringify(text)})`;
    out = out.replace(/^(\s*)"([^"\n]+)"$/gm, (whole, space, text) => (words[text] ? `${space}${speak(text)}` : whole));
    out = out.replace(/\? "([^"\n]+)" : "([^"\n]+)"/g, (whole, one, other) => (words[one] && words[other] ? `? ${speak(one)} : ${speak(other)}` : whole));
    out = out.replace(/\.(success|error|info|warning)\("([^"\n]+)"\)/g, (whole, how, text) => (words[text] ? `.${how}(${speak(text)})` : whole));
    // JavaScript in rules is for those who may write it: the component is not offered to others.
    const core = /core: Object\.values\((\w+)\)/;
    if (!core.test(out)) throw new Error('the list of components is not where it was: look at the new version');
    out = out.replace(core, 'core: Object.values($1).filter((one) => globalThis.canvasFunctions || one.type !== "functionNode")');
    if (process.env.SHOW_UNKNOWN) console.log([...unknown].join('\n'));
    console.log(`canvas-words: ${found} labels spoken, ${unknown.size} left as they are`);
    return { code: out, map: null };
  },
};

const SOURCES = ['package.json', 'package-lock.json', 'vite.config.js', 'zh.json', 'src/main.jsx'];

/* What was built, and from what: a test holds both together. */
const witness = {
  name: 'canvas-witness',
  generateBundle(_options, bundle) {
    const hash = crypto.createHash('sha256');
    SOURCES.forEach((name) => hash.update(fs.readFileSync(new URL(name, import.meta.url))));
    this.emitFile({ type: 'asset', fileName: 'SOURCE.sha256', source: `${hash.digest('hex')}\n` });
    const homes = new Set();
    Object.values(bundle).forEach((chunk) => Object.keys(chunk.modules || {}).forEach((id) => {
      const at = id.replace(/\0/g, '').split('?')[0].lastIndexOf('/node_modules/');
      if (at < 0) return;
      const parts = id.replace(/\0/g, '').slice(at + 14).split('/');
      homes.add(id.replace(/\0/g, '').slice(0, at + 14) + (parts[0].startsWith('@') ? `${parts[0]}/${parts[1]}` : parts[0]));
    }));
    const said = [...homes].sort().map((home) => {
      const told = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'));
      const file = fs.readdirSync(home).find((name) => /^licen[cs]e/i.test(name));
      return `${told.name} ${told.version} (${told.license || 'see below'})\n\n${file ? fs.readFileSync(path.join(home, file), 'utf8').trim() : ''}\n`;
    });
    this.emitFile({ type: 'asset', fileName: 'LICENCES.txt', source: said.join(`\n${'-'.repeat(80)}\n\n`) });
  },
};

export default defineConfig({
  plugins: [spoken, react(), witness],
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
