// The rule canvas inside the admin: shows a document, gives it back to the page, runs a sample through the server.
import React, { useCallback, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { loader } from '@monaco-editor/react';
import * as monaco from 'monaco-editor/esm/vs/editor/editor.api';
import 'monaco-editor/esm/vs/language/json/monaco.contribution';
import 'monaco-editor/esm/vs/basic-languages/javascript/javascript.contribution';
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker?worker';
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker?worker';
import { ConfigProvider, theme } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import '@gorules/jdm-editor/dist/style.css';
import { DecisionGraph, GraphSimulator, JdmConfigProvider } from '@gorules/jdm-editor';

self.monaco = monaco;
self.MonacoEnvironment = { getWorker: (_id, label) => (label === 'json' ? new JsonWorker() : new EditorWorker()) };
loader.config({ monaco });

const place = document.getElementById('rules-canvas');
const told = JSON.parse(document.getElementById('rules-canvas-config').textContent);

/* The point's fields as the input's schema: that is what the editor offers while one types. It is not kept. */
function dressed(graph) {
  return { ...graph, nodes: graph.nodes.map((node) => (node.type === 'inputNode' ? { ...node, content: { ...node.content, schema: JSON.stringify(told.schema) } } : node)) };
}
function bare(graph) {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => {
      if (node.type !== 'inputNode' || !node.content) return node;
      const { schema: _schema, ...content } = node.content;
      return { ...node, content };
    }),
  };
}

function Canvas() {
  const [graph, setGraph] = useState(() => dressed(told.document));
  const [shown, setShown] = useState();
  const changed = useCallback((next) => {
    setGraph(next);
    place.dispatchEvent(new CustomEvent('canvas:changed', { detail: bare(next), bubbles: true }));
  }, []);
  const panels = useMemo(() => [{
    id: 'simulator', title: told.words.run, icon: <span aria-hidden="true">▶</span>,
    renderPanel: () => (
      <GraphSimulator
        defaultRequest={JSON.stringify(told.sample, null, 2)}
        onClear={() => setShown(undefined)}
        onRun={async ({ graph: now, context }) => {
          const answer = await fetch(told.run, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRFToken': told.token }, body: JSON.stringify({ document: bare(now), input: context }) });
          const said = await answer.json();
          setShown(answer.ok && said.result ? { result: { ...said, snapshot: now } } : { error: { title: told.words.failed, message: said.error, data: said } });
        }}
      />
    ),
  }], []);
  const dark = document.documentElement.classList.contains('dark');
  const look = { algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm, token: { colorPrimary: dark ? '#2aa79a' : '#0f766e' }, mode: dark ? 'dark' : 'light' };
  return (
    <ConfigProvider locale={told.language === 'zh-hans' ? zhCN : enUS} theme={look}>
      <JdmConfigProvider theme={look} dictionaries={told.choices}>
        <DecisionGraph value={graph} onChange={changed} disabled={told.readonly} panels={panels} simulate={shown} dictionaries={told.choices} reactFlowProOptions={{ hideAttribution: true }} />
      </JdmConfigProvider>
    </ConfigProvider>
  );
}

createRoot(place).render(<Canvas />);
