// editor.mjs: what an author's editor makes of the schemas: yaml-language-server, driven as an editor drives it.
//
//   node editor.mjs ROOT [FILE…]      (ROOT: the sources; FILE: migrations and tests that name their schema)
//
//   - in each place where keys can stand, exactly the schema's are offered, and each with its explanation;
//   - the pointer on any key shows that explanation;
//   - what is wrong is underlined where it stands, with words that say what would be right;
//   - in a FILE, whose first line names a schema, nothing is underlined, and its keys are explained: the
//     line is what finds the schema.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";
import rpc from "vscode-jsonrpc/node.js";
import { kinds } from "./kinds.mjs";
import { mappings, readSchema, schemaPath } from "./schemas.mjs";

const [root, ...files] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "rf."));
const PATIENCE_MS = 60_000;
let checks = 0;
let failures = 0;

function check(holds, complaint) {
  checks++;
  if (!holds && failures++ < 20) console.error(complaint);
}

function report(what, least) {
  console.log(`   ${checks} ${what}`);
  check(checks >= least, `only ${checks} ${what}; there should be ${least} or more`);
  checks = 0;
}

// ---- the editor --------------------------------------------------------------------------------

function startServer() {
  const require = createRequire(import.meta.url);
  const home = dirname(require.resolve("yaml-language-server/package.json"));
  const server = spawn(process.execPath, [join(home, "bin/yaml-language-server"), "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
  const connection = rpc.createMessageConnection(new rpc.StreamMessageReader(server.stdout), new rpc.StreamMessageWriter(server.stdin));
  return { server, connection };
}

const { server, connection } = startServer();
const settings = { schemaStore: { enable: false }, validate: true, hover: true, completion: true };
const judged = new Map(); // what takes the diagnostics of a document

connection.onNotification("textDocument/publishDiagnostics", ({ uri, diagnostics }) => judged.get(uri)?.(diagnostics));
connection.onRequest("workspace/configuration", ({ items }) => items.map(({ section }) => (section === "yaml" ? settings : {})));
connection.onRequest("client/registerCapability", () => null);
connection.listen();

// Bounded, so that a server that has fallen silent is noticed.
function inTime(promise, what) {
  return new Promise((resolve_, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), PATIENCE_MS);
    promise.then((value) => { clearTimeout(timer); resolve_(value); }, reject);
  });
}

const ask = (method, parameters) => inTime(connection.sendRequest(method, parameters), method);

async function start() {
  await ask("initialize", {
    processId: process.pid, rootUri: null,
    capabilities: {
      workspace: { configuration: true },
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ["markdown"] } },
        hover: { contentFormat: ["markdown"] },
      },
    },
  });
  await connection.sendNotification("initialized", {});
}

async function end() {
  await ask("shutdown");
  const ended = new Promise((resolve_) => server.once("exit", resolve_));
  await connection.sendNotification("exit");
  await inTime(ended, "the server's end");
}

let documents = 0;

// A text as an editor has it open: where the pointer is, which is @@ and goes; and, for who waits for it, what is
// underlined.
async function open(text, path = join(folder, `${++documents}.yaml`)) {
  const at = text.indexOf("@@");
  const before = (at < 0 ? text : text.slice(0, at)).split("\n");
  const uri = pathToFileURL(path).href;
  const diagnostics = new Promise((resolve_) => judged.set(uri, resolve_));
  await connection.sendNotification("textDocument/didOpen", {
    textDocument: { uri, languageId: "yaml", version: 1, text: text.replace("@@", "") },
  });
  return {
    place: { textDocument: { uri }, position: { line: before.length - 1, character: before.at(-1).length } },
    problems: async () => (await inTime(diagnostics, `what is wrong in ${uri}`))
      .map(({ range, message }) => `${range.start.line + 1}:${range.start.character + 1}: ${message}`).sort(),
  };
}

function openAs(kind, text) {
  return open(`# yaml-language-server: $schema=${schemaPath(root, kind)}\n${text}`);
}

async function offered(place) {
  const answer = await ask("textDocument/completion", place);
  return answer.items ?? answer;
}

async function explained(place) {
  return (await ask("textDocument/hover", place))?.contents.value ?? "";
}

// ---- completion and explanation ----------------------------------------------------------------

// A place with nothing in it yet, for each mapping of each kind.
const EMPTY_PLACES = {
  migration: { "": "@@", "/definitions/step": "up:\n  - @@\n", "/definitions/notification": "up:\n  - read: SELECT 1\n    publish:\n      @@\n" },
  test: { "": "@@", "/properties/given": "given:\n  @@\n", "/definitions/expectation": "expect:\n  @@\n" },
  settings: { "": "@@" },
};

// Labels of snippets, and titles of mappings: under these a mapping is offered with all that it needs.
function labelsAndTitles(part) {
  if (typeof part !== "object" || part === null) return [];
  return [part.label, part.type === "object" ? part.title : undefined, ...Object.values(part).flatMap(labelsAndTitles)];
}

async function keysAreOffered(kind, schema) {
  const others = new Set(labelsAndTitles(schema));
  for (const [path, { properties, defaultSnippets }] of mappings(schema)) {
    const items = await offered((await openAs(kind, EMPTY_PLACES[kind][path])).place);
    for (const [name, { markdownDescription }] of Object.entries(properties)) {
      const item = items.find(({ label }) => label === name);
      check(item, `${kind}${path}: '${name}' is not offered`);
      check(item?.documentation?.value === markdownDescription, `${kind}${path}: '${name}' is offered without its explanation`);
    }
    for (const { label } of defaultSnippets ?? [])
      check(items.some((item) => item.label === label), `${kind}${path}: the snippet '${label}' is not offered`);
    for (const { label } of items)
      check(label in properties || others.has(label), `${kind}${path}: '${label}' is offered, and is no key`);
  }
}

async function keysAreExplained(kind, schema) {
  for (const [path, { properties }] of mappings(schema)) {
    const { homes } = kinds[kind].mappings[path];
    for (const [name, { markdownDescription }] of Object.entries(properties)) {
      const file = homes[0](name, "text").replace(new RegExp(`^(.*[ -]|)${name}: text`, "m"), (all) => all.replace(`${name}:`, `${name}@@:`));
      const said = await explained((await openAs(kind, file)).place);
      check(said.includes(markdownDescription), `the pointer on '${name}' in\n${file}shows: ${said}`);
    }
  }
}

// What is offered for a value.
const VALUES = [
  ["migration", "manual: @@\n", ["true", "false"]],
  ["migration", "up:\n  - read: SELECT 1\n    publish: @@\n", ["flags", "a channel and a message"]],
  ["migration", "up:\n  - name: @@\n", ["flags"]],
  ["test", "repeatable: @@\n", ["true", "false"]],
  ["test", "expect:\n  redis: @@\n", ["a field of a hash", "a whole hash", "the members of a set", "a key that is not there"]],
  ["test", "expect:\n  published: @@\n", ["a message", "nothing"]],
  ["settings", "on_lock: @@\n", ["wait", "fail", "skip"]],
  ["settings", "strict: @@\n", ["true", "false"]],
];

async function valuesAreOffered() {
  for (const [kind, text, labels] of VALUES) {
    const items = (await offered((await openAs(kind, text)).place)).map(({ label }) => label);
    check(items.sort().join() === labels.sort().join(), `'${text}': offered is ${items}, expected ${labels}`);
  }
}

// ---- what is wrong -----------------------------------------------------------------------------

// Line 1 is the one that names the schema.
const WRONG = [
  ["migration", "up:\n  - wirte: SET a b\n", ["3:5: Property wirte is not allowed.", "3:5: this step has nothing to do: it needs 'write', 'publish' or 'sql'"]],
  ["migration", "up: SET a b\n", ["2:5: a list of steps stands here, each begun with '- '"]],
  ["migration", "manual: yes\nup:\n  - write: SET a b\n", ["2:9: 'manual' is true or false"]],
  ["migration", "up:\n  - key: id\n    write: SET a b\n", ["3:5: 'key' needs 'read': it names columns of its query"]],
  ["migration", "up:\n  - read: SELECT 1\n    sql: DELETE FROM t\n", ["3:5: 'sql' runs once, and stands alone in its step"]],
  ["migration", "up:\n  - write: SET a b\n    publish: news\n", ["4:14: a step without 'read' has no row: give a 'channel' and a 'message' of its own"]],
  ["migration", "up:\n  - read: SELECT 1\n    key: id\n    write: SET a b\n    pause: 5\n", ["6:12: 'pause' takes a duration, a number and a unit: 50ms, 2s, 5m"]],
  ["migration", "up:\n  - read: SELECT 1\n    key: id\n    write: SET a b\n    batch: many\n", ["6:12: 'batch' takes a number of rows from 1 to 1000000000"]],
  ["migration", "up:\n  - write:\n      - SET a b: c\n", ["4:9: a text is expected here; one with ': ', or that begins with '{' or '[', needs quotes"]],
  ["migration", "up:\n  - read: SELECT 1\n    from: postgresql://app@db/app\n    write: SET a b\n", ["4:11: 'from' takes the name of an environment variable that holds the URL"]],
  ["test", "expect:\n  redis:\n    - GET a: b\n      GET b: c\n", ["4:7: Object has more properties than limit of 1."]],
  ["test", "expect:\n  redis:\n    - GET a\n", ["4:7: an element is one pair, COMMAND: reply; begin each with '- '"]],
  ["test", "expect:\n  published:\n    - flags: {name: a}\n", ["4:14: a message is a text; put quotes around one that begins with '{' or '['"]],
  ["test", "given:\n  from: SELECT 1\nexpect:\n  published: []\n", ["3:9: 'from' is a mapping: the variables that steps name in 'from', each with the SQL that fills its database"]],
  ["test", "given:\n  redis: SADD a b\n", ['2:1: Missing property "expect".']],
  ["settings", "lock_timeout: 5\n", ["2:15: a duration is expected here, a number and a unit: 50ms, 2s, 5m, 24h"]],
  ["settings", "on_lock: walt\n", ['2:10: Value is not accepted. Valid values: "wait", "fail", "skip".']],
];

// All at once: the server takes a moment's rest before it judges a file.
async function mistakesAreUnderlined() {
  const judgements = await Promise.all(WRONG.map(async ([kind, text]) => (await openAs(kind, text)).problems()));
  WRONG.forEach(([, text, wanted], i) =>
    check(judgements[i].join("\n") === wanted.join("\n"), `of\n${text}is said:\n${judgements[i].join("\n")}\nexpected:\n${wanted.join("\n")}`));
}

async function filesFindTheirSchema() {
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    const key = text.match(/^(up|expect):/m);
    const { place, problems } = await open(text.slice(0, key.index + 1) + "@@" + text.slice(key.index + 1), resolve(file));
    check((await problems()).length === 0, `${file}: ${(await problems()).join("\n")}`);
    check((await explained(place)).startsWith("#### "), `${file}: '${key[1]}' is not explained; its first line: ${text.split("\n")[0]}`);
  }
}

try {
  await start();
  for (const kind of Object.keys(kinds)) {
    const schema = readSchema(root, kind);
    await keysAreOffered(kind, schema);
    await keysAreExplained(kind, schema);
    report(`offers and explanations: ${schema.title}`, 30);
  }
  await valuesAreOffered();
  await mistakesAreUnderlined();
  await filesFindTheirSchema();
  report("values, mistakes and files", 20);
  await end();
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}
process.exit(failures > 0 ? 1 : 0);
