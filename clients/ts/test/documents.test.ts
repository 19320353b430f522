// The TypeScript in the documents compiles. The snippets of a document are one module, from its
// first to its last; what they take for granted is declared in documents/NAME.ts.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** snippets are the TypeScript of a document. */
function snippets(path: string): string {
  const text = readFileSync(path, "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map((m) => m[1]).join("\n");
}

/** problems are what the compiler says of a file. */
function problems(file: string): string[] {
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
    skipLibCheck: true,
  });
  return ts.getPreEmitDiagnostics(program).map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n"));
}

function compile(name: string, code: string): string[] {
  mkdirSync(`${root}build/documents`, { recursive: true });
  const file = `${root}build/documents/${name}.ts`;
  writeFileSync(file, code);
  return problems(file);
}

for (const path of ["README.md", "../../docs/browsers.md"]) {
  test(`the snippets of ${path} compile`, () => {
    const name = basename(path, ".md");
    const prelude = `${root}test/documents/${name}.ts`;
    const code = (existsSync(prelude) ? readFileSync(prelude, "utf8") : "") + snippets(root + path);
    assert.ok(code.includes("@packetmq/client"), "there are no snippets");
    assert.deepEqual(compile(name, code), []);
  });
}

test("a wrong snippet is found", () => {
  const code = `import { Client } from "@packetmq/client";\nnew Client([]).send("x");\nexport {};\n`;
  assert.equal(compile("wrong", code).length, 1);
});
