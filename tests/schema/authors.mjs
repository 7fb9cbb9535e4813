// authors.mjs: the schemas with which an author's editor checks files, held against the parser.
//
//   node authors.mjs ROOT PARSER [DIRECTORY]      (ROOT: the sources; PARSER: what parser.c became)
//
// For each kind of file (kinds.mjs has what is particular to them):
//
//   - the keys of the schema are those of the parser's tables, and accept the same sorts of values;
//   - every example is valid, in its own file or on a page;
//   - every fixture that the parser refuses is refused, or stands in onlyTheParser, with the reason;
//   - of thousands of copies of the examples, each with a slip in one line, both refuse the same ones, but for what
//     is wrong with a text (`content`, `slips`);
//   - of thousands of small files, every key with every sort of value, the schema refuses nothing that the parser
//     takes (but for `pickier`), and what it lets pass and the parser refuses is refused for what a text
//     says (`content`), not for where it stands or for its sort;
//   - what the schema offers for a key, its examples and snippets, passes both.
//
// Into DIRECTORY go the whole files that are offered, a migration and its test, for who would run them.
//
// So what is known on one side only, be it a key, a duty or a sort of value, fails here. What an editor makes of
// the schemas is editor.mjs's subject.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { kinds } from "./kinds.mjs";
import { filesBelow, inserted, mappings, parsersKeys, parsersVerdicts, readSchema, settled, validator } from "./schemas.mjs";

const [root, parser, directory] = process.argv.slice(2);
const known = parsersKeys(parser);
let checks = 0;
let failures = 0;

function check(holds, complaint) {
  checks++;
  if (!holds && failures++ < 20) console.error(complaint);
}

// At least so many checks since the last time, or something was not found.
function report(what, least) {
  console.log(`   ${checks} ${what}`);
  check(checks >= least, `only ${checks} ${what}; there should be ${least} or more`);
  checks = 0;
}

const sameWords = (some, others) => [...some].sort().join() === [...others].sort().join();

// ---- the tables of keys ------------------------------------------------------------------------

function sortOf(value) {
  return value.startsWith("[") ? "list" : value.startsWith("{") ? "mapping" : "text";
}

// The sorts of values that the schema takes for a key, somewhere.
function sortsTaken(complaint, { homes }, name, values) {
  return new Set(values.filter((value) => homes.some((home) => complaint(home(name, value)) === null)).map(sortOf));
}

function keysAreTheParsers(kind, schema, complaint) {
  const { mappings: places, values } = kinds[kind];
  const described = [...mappings(schema)];
  check(sameWords(described.map(([path]) => path), Object.keys(places)), `${kind}: other mappings than kinds.mjs has`);
  check(sameWords(Object.values(places).flatMap(({ owners }) => owners), known[kind].map(({ owner }) => owner)),
    `${kind}: the parser has other mappings than kinds.mjs: ${known[kind].map(({ owner }) => owner)}`);
  for (const [path, { properties }] of described)
    for (const owner of places[path].owners) {
      const keys = known[kind].find((mapping) => mapping.owner === owner)?.keys ?? {};
      check(sameWords(Object.keys(properties), Object.keys(keys)),
        `${owner} has ${Object.keys(keys)}; in the schema it has ${Object.keys(properties)}`);
      for (const [name, accepts] of Object.entries(keys)) {
        const taken = sortsTaken(complaint, places[path], name, values);
        check(sameWords(taken, accepts), `${owner}: '${name}' accepts ${accepts}; in the schema ${[...taken]}`);
      }
    }
  report(`keys, and what they accept: ${schema.title}`, 10);
}

// Every setting but the one that names a file of them, as the table has it.
function settingsAreTheParsers(schema) {
  const names = Object.keys(known.settings).filter((name) => name !== "config");
  const keyOf = (name) => name.replaceAll("-", "_");
  check(sameWords(names.map(keyOf), Object.keys(schema.properties)),
    `the settings are ${names.map(keyOf)}; in the schema ${Object.keys(schema.properties)}`);
  for (const name of names) {
    const { kind, help, standard, choices } = known.settings[name];
    const property = schema.properties[keyOf(name)] ?? {};
    check(property.description === (help ?? property.description), `${name}: the schema describes it as '${property.description}', the table as '${help}'`);
    check(choices ? property.enum?.join("|") === choices
      : property.allOf?.[0].$ref.toLowerCase() === `#/definitions/${kind.toLowerCase().replace(" ", "_")}`,
      `${name} is a ${kind} ${choices ?? ""}: the schema says otherwise`);
    check(!standard || property.markdownDescription?.includes(`Without it: \`${standard}\``), `${name}: the schema does not say '${standard}'`);
  }
  report(`things to know of settings: ${schema.title}`, 80);
}

// ---- examples and fixtures ---------------------------------------------------------------------

function examplesAreValid(kind, schema, complaint) {
  const { folders, isOne, least } = kinds[kind];
  for (const file of folders.flatMap((folder) => filesBelow(join(root, folder))).filter(isOne)) {
    const found = complaint(readFileSync(file, "utf8"));
    check(found === null, `${relative(root, file)}: ${found?.text}`);
  }
  report(`examples: ${schema.title}`, least.examples);
}

const PAGES = ["README.md", "docs/migrations.md", "docs/tests.md", "docs/cookbook/README.md"];

// The yaml blocks of a page, but for those whose next block is what is said of them.
function blocksOf(page) {
  const blocks = [...readFileSync(join(root, page), "utf8").matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  return blocks.filter(([, language], i) => language === "yaml" && !blocks[i + 1]?.[2].includes(": error: ")).map(([, , text]) => text);
}

// A block is a migration or a test by its keys, and something else without any of them.
const LOOKS_LIKE = { migration: /^up:/m, test: /^expect:/m };

function pagesAreValid(kind, schema, complaint) {
  for (const page of PAGES)
    for (const text of blocksOf(page).filter((block) => LOOKS_LIKE[kind].test(block))) {
      const found = complaint(text);
      check(found === null, `${page}: ${found?.text}\n${text}`);
    }
  report(`examples on pages: ${schema.title}`, kinds[kind].least.pages);
}

function fixturesAreRefused(kind, schema, complaint) {
  const { fixtures, onlyTheParser, least } = kinds[kind];
  const folder = join(root, "tests/fixtures", fixtures);
  const only = Object.values(onlyTheParser).flatMap((names) => names.split(" "));
  const stems = readdirSync(folder).filter((name) => name.endsWith(".yaml")).map((name) => name.replace(/\..*/, ""));
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".yaml"))) {
    const stem = name.replace(/\..*/, "");
    const refused = complaint(readFileSync(join(folder, name), "utf8")) !== null;
    check(refused || only.includes(stem), `tests/fixtures/${fixtures}/${name}: the schema lets it pass`);
    check(!(refused && only.includes(stem)), `onlyTheParser has ${stem}, which the schema refuses`);
  }
  for (const stem of only) check(stems.includes(stem), `onlyTheParser has ${stem}, and there is no such file`);
  report(`checks of fixtures: ${schema.title}`, least.fixtures);
}

// ---- every key with every sort of value --------------------------------------------------------

function sidesAgree(kind, schema, complaint) {
  const { mappings: places, values, more, content, pickier, least } = kinds[kind];
  const files = [...more];
  for (const [path, { properties }] of mappings(schema))
    for (const home of places[path].homes)
      for (const name of [...Object.keys(properties), "unheard_of"])
        for (const value of values) files.push(home(name, value));
  const verdicts = parsersVerdicts(parser, kind, files);
  files.forEach((text, i) => {
    const refused = complaint(text);
    if (refused !== null && verdicts[i] === null)
      check(pickier.some(([form]) => form.test(text)), `the parser takes this, and ${refused.by} does not: ${refused.text}\n${text}`);
    else if (refused === null && verdicts[i] !== null)
      check(content.some((form) => form.test(verdicts[i])), `the schema lets this pass, and the parser says: ${verdicts[i]}\n${text}`);
    else check(true);
  });
  report(`files on which the two agree: ${schema.title}`, least.files);
}

// ---- real files, with a slip in one line -------------------------------------------------------

const SLIPS = {
  "left out": (lines, i) => lines.splice(i, 1),
  "written twice": (lines, i) => lines.splice(i, 0, lines[i]),
  "further in": (lines, i) => lines.splice(i, 1, `  ${lines[i]}`),
  "further out": (lines, i) => lines.splice(i, 1, lines[i].replace(/^ {2}/, "")),
  "one line too late": (lines, i) => lines.splice(i, 2, lines[i + 1] ?? "", lines[i]),
  "without its dash": (lines, i) => lines.splice(i, 1, lines[i].replace("- ", "  ")),
  "with a dash": (lines, i) => lines.splice(i, 1, lines[i].replace(/^( *)/, "$1- ")),
  "without its value": (lines, i) => lines.splice(i, 1, lines[i].replace(/: .*/, ":")),
  "with a list for a value": (lines, i) => lines.splice(i, 1, lines[i].replace(/: .*/, ": []")),
  "with a slip in its key": (lines, i) => lines.splice(i, 1, lines[i].replace(/([a-z])([a-z]):/, "$2$1:")),
};

function* slipped(file) {
  const lines = readFileSync(file, "utf8").split("\n");
  for (let i = 0; i < lines.length - 1; i++)
    for (const slip of Object.values(SLIPS)) {
      const copy = [...lines];
      slip(copy, i);
      if (copy.join("\n") !== lines.join("\n")) yield copy.join("\n");
    }
}

// What the schema lets pass then is a text that redferry reads, or stands in YAML that redferry's is smaller than.
function slipsAreSeenByBoth(kind, schema, complaint) {
  const { folders, isOne, content, pickier, slips, least } = kinds[kind];
  const files = folders.flatMap((folder) => filesBelow(join(root, folder))).filter(isOne).flatMap((file) => [...slipped(file)]);
  const verdicts = parsersVerdicts(parser, kind, files);
  let refusedByBoth = 0;
  files.forEach((text, i) => {
    const refused = complaint(text);
    if (refused !== null && verdicts[i] === null)
      check(pickier.some(([form]) => form.test(text)), `the parser takes this, and ${refused.by} does not: ${refused.text}\n${text}`);
    else if (refused === null && verdicts[i] !== null)
      check([...content, ...slips].some((form) => form.test(verdicts[i])), `the schema lets this pass, and the parser says: ${verdicts[i]}\n${text}`);
    else check(true);
    refusedByBoth += refused !== null && verdicts[i] !== null;
  });
  check(refusedByBoth > files.length / 4, `only ${refusedByBoth} of ${files.length} slips are seen by both`);
  report(`files with a slip, on which the two agree: ${schema.title}`, least.slips);
}

// ---- what is offered ---------------------------------------------------------------------------

// [place, files]: each example and snippet, in each of the places where its key can stand.
function* offers(kind, schema) {
  for (const { bodyText } of schema.defaultSnippets ?? []) yield ["the file", [settled(bodyText)]];
  for (const [path, mapping] of mappings(schema)) {
    const { homes, element } = kinds[kind].mappings[path];
    for (const { bodyText } of element ? mapping.defaultSnippets : []) yield [path, [inserted(element, settled(bodyText))]];
    for (const [name, { examples, defaultSnippets }] of Object.entries(mapping.properties))
      for (const text of [...(examples ?? []).map((example) => JSON.stringify(example)), ...(defaultSnippets ?? []).map(({ bodyText }) => settled(bodyText))])
        yield [`${path}/${name}`, homes.map((home) => inserted(home(name, "@@"), text))];
  }
}

// In one of the places it is right; and each key is explained.
function offersPass(kind, schema, complaint) {
  for (const [path, { properties }] of mappings(schema))
    for (const [name, { title, description, markdownDescription }] of Object.entries(properties))
      check(title && description && markdownDescription, `${kind}${path}/${name} is not explained`);
  const all = [...offers(kind, schema)];
  const verdicts = parsersVerdicts(parser, kind, all.flatMap(([, files]) => files));
  for (const [place, files] of all) {
    const said = verdicts.splice(0, files.length);
    check(files.some((file, i) => said[i] === null && complaint(file) === null),
      `what is offered for ${kind}${place} is refused: ${said} ${complaint(files[0])?.text}\n${files[0]}`);
  }
  report(`keys that are explained, and offers that are right: ${schema.title}`, kinds[kind].least.offers);
}

for (const kind of Object.keys(kinds)) {
  const schema = readSchema(root, kind);
  const complaint = validator(schema);
  if (kind === "settings") {
    settingsAreTheParsers(schema);
  } else {
    keysAreTheParsers(kind, schema, complaint);
    examplesAreValid(kind, schema, complaint);
    pagesAreValid(kind, schema, complaint);
    fixturesAreRefused(kind, schema, complaint);
    slipsAreSeenByBoth(kind, schema, complaint);
  }
  sidesAgree(kind, schema, complaint);
  offersPass(kind, schema, complaint);
}
for (const [kind, name] of directory ? [["migration", "1_offered.yaml"], ["test", "1_offered.test.yaml"]] : [])
  writeFileSync(join(directory, name), settled(readSchema(root, kind).defaultSnippets[0].bodyText));
process.exit(failures > 0 ? 1 : 0);
