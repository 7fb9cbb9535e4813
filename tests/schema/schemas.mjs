// schemas.mjs: the authors' schemas, and what YAML, they and the parser say of a text.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv";
import { parseAllDocuments } from "yaml";

const FILES = { migration: "migration.schema.json", test: "migration-test.schema.json", settings: "redferry.schema.json" };

// What editors read beside the standard's own keywords.
const EDITORS_WORDS = ["markdownDescription", "defaultSnippets", "errorMessage", "patternErrorMessage"];

export function schemaPath(root, kind) {
  return join(root, "docs/schemas", FILES[kind]);
}

export function readSchema(root, kind) {
  return JSON.parse(readFileSync(schemaPath(root, kind), "utf8"));
}

export function filesBelow(folder) {
  return !existsSync(folder) ? [] : readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]);
}

// A function that tells what is wrong with a text: {by: "YAML" or "the schema", text}, or null.
export function validator(schema) {
  const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
  ajv.addVocabulary(EDITORS_WORDS);
  const validate = ajv.compile(schema);
  const known = new Map(); // the same text is asked about more than once
  const judge = (text) => {
    for (const document of parseAllDocuments(text, { logLevel: "error" })) {
      let value;
      try {
        value = document.toJS();
      } catch (error) { // an alias of nothing
        document.errors.push(error);
      }
      if (document.errors.length > 0) return { by: "YAML", text: document.errors[0].message };
      if (!validate(value)) {
        const { instancePath, message } = validate.errors[0];
        return { by: "the schema", text: `${instancePath} ${message}` };
      }
    }
    return null;
  };
  return (text) => {
    if (!known.has(text)) known.set(text, judge(text));
    return known.get(text);
  };
}

function askParser(parser, argument, input) {
  const { status, stdout, stderr, error } = spawnSync(parser, [argument], { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if (error || status !== 0) throw error ?? new Error(`${parser} ${argument}: ${stderr}`);
  return stdout;
}

// The parser's tables of keys (parser.c says how they look).
export function parsersKeys(parser) {
  return JSON.parse(askParser(parser, "keys", ""));
}

// For each text what the parser says is wrong with it, without the place; or null.
export function parsersVerdicts(parser, kind, texts) {
  const input = texts.map((text) => `${Buffer.byteLength(text)}\n${text}`).join("");
  const lines = askParser(parser, kind, input).split("\n");
  if (lines.length !== texts.length + 1) throw new Error(`the parser judged ${lines.length - 1} of ${texts.length} texts`);
  return texts.map((text, i) => (lines[i] === "" ? null : lines[i].replace(/^\S+:\d+:\d+: /, "")));
}

// The parts of a schema that are mappings with keys of their own, each with its path.
export function* mappings(schema, path = "") {
  if (typeof schema !== "object" || schema === null) return;
  if (schema.additionalProperties === false) yield [path, schema];
  for (const [name, part] of Object.entries(schema)) yield* mappings(part, `${path}/${name}`);
}

// What an editor's snippet leaves behind when its user changes nothing.
export function settled(snippet) {
  return snippet.replace(/\\([$}\\])|\$\{\d+:((?:\\.|[^\\}])*)\}|\$\d+/g,
    (all, escaped, inner) => escaped ?? (inner ?? "").replace(/\\([$}\\])/g, "$1"));
}

// A file with a text put in at @@: an editor gives its lines the indentation of the line they are put into.
export function inserted(file, text) {
  const [before, behind] = file.split("@@");
  const indentation = before.slice(before.lastIndexOf("\n") + 1).match(/^ */)[0];
  return before + text.replaceAll("\n", `\n${indentation}`) + behind;
}
