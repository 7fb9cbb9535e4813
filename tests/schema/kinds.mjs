// kinds.mjs: what is to be known of each kind of file, to hold its schema against the parser: where its keys can
// stand, what can stand there, and where the two may differ, and why.

const STEP = {
  name: "a", read: "SELECT id FROM t", from: "A", key: "id", write: "SET a b", sql: "SELECT 1",
  publish: "{channel: a, message: b}", batch: "5", pause: "1s",
};
const { read, key, write } = STEP;

function step(pairs) {
  return `up:\n  - ${Object.entries(pairs).map(([name, value]) => `${name}: ${value}`).join("\n    ")}\n`;
}

function everySetOfKeys() {
  const pairs = Object.entries(STEP);
  return Array.from({ length: 2 ** pairs.length - 1 }, (_, i) =>
    step(Object.fromEntries(pairs.filter((__, j) => (i + 1) & (1 << j)))));
}

const TEXTS = [
  "", "null", "~", "Null", "''", "' '", "0", "1", "5", "-1", "500", "0500", "1000000000", "1000000001", "1.5", "1e3",
  "'5'", "true", "false", "'true'", "True", "yes", "'NO'", "maybe", "text", "SET a b", "GET a", "SELECT id FROM t",
  "DELETE FROM t", "50ms", "'2s'", "3m", "4h", "5d", "6w", "'0'", "5 s", "NAME", "a-b", '"a\\nb"', '"a\\n"', '"a\\tb"', "postgresql:///app",
  "sqlite:app.db", "app.sqlite3", "redis://host", "unix:///socket", "mysql://host", "wait", "json",
];
const LISTS = [
  "[]", "[a]", "[a, b]", "[a, a]", "[1, true]", "[null]", "[~, a]", "['']", "[' ']", "[[]]", "[[a, b]]", "[[a], [b, c]]", "[[a], b]",
  "[[SET, a, 5, true, '']]", "[[SET, null]]", "[[[a]]]", "[[SET, {a: b}]]", "[[{a: b}]]", "[{}]", "[{a: b}]",
];
const MAPPINGS = ["{}", "{a: b}", "{a: null}", "{a: {b: c}}", "{'': a}", "{a: [b, null, {c: d}]}"];

const NOTIFICATIONS = [
  "{channel: a}", "{message: a}", "{channel: a, message: b}", "{channel: a, message: ''}", "{channel: a, message: ' '}",
  "{channel: a, message: null}", "{channel: a, message: [b]}", "{channel: 5, message: true}", "{channel: [a], message: b}",
  "{channel: '', message: b}", "{channel: a, message: b, more: c}", "[{channel: a, message: b}]",
  "[a, {channel: a, message: b}]", "[{channel: a}, b]", "[{channel: a, message: b}, {}]",
];
const STEPS = [
  "[{write: SET a b}]", "[{write: SET a b}, {sql: SELECT 1}]", "[{write: SET a b}, a]", "[{write: SET a b}, {}]",
  "[{name: a}]", "[{sql: x, write: SET a b}]",
];

// Each reply and each answer, as the one of a check.
const ANSWERS = [...TEXTS, ...LISTS, ...MAPPINGS];
const CHECKS = [
  "[{GET a: b}]", "[{GET a: b}, {GET b: c}]", "[{GET a: b, GET b: c}]", "[GET a]", "[{'GET a: b': c}]", "[{SET a b: c}]", "{GET a: b}",
  "[{' ': b}]", "[{SELECT 1: 1}]", "[{SELECT 1: [[1, 2], [1]]}]", "[{5: b}]", "[{true: b}]", "[{HGETALL a: {b: c, d: null}}]",
  "[{HGETALL a: {~: c}}]",
];
const SOURCES = ["{A: SELECT 1}", "{A: ''}", "{A: null}", "{A: [a]}", "{A: 5}", "{a-b: SELECT 1}", "{A: SELECT 1, B: SELECT 2}"];
const MOMENTS = [
  "{redis: [{GET a: b}]}", "{published: []}", "{sql: [{SELECT 1: 1}]}", "{redis: []}", "{sql: []}", "{redis: [{GET a: b}], more: a}",
  "{sql: SELECT 1}", "{redis: SET a b}", "{from: {A: SELECT 1}}",
];

const NULL = [/(: |\[|, )(null|~|Null)(?=[\]},\n])/, "to the parser a plain null is that text; in an editor it is nothing, and stands in quotes"];

export const kinds = {
  migration: {
    folders: ["data_migrations", "docs/cookbook"],
    isOne: (path) => /\d+_\w+\.ya?ml$/.test(path),
    values: [...TEXTS, ...LISTS, ...MAPPINGS, ...NOTIFICATIONS, ...STEPS],
    more: everySetOfKeys(),
    mappings: {
      "": {
        owners: ["a migration"],
        homes: [(name, value) => `${name === "up" ? "" : "up:\n  - write: SET a b\n"}${name}: ${value}\n`],
      },
      "/definitions/step": {
        owners: ["a step"],
        homes: [
          (name, value) => step({ read, key, write, [name]: value }),
          (name, value) => step({ write, [name]: value }),
          (name, value) => step({ [name]: value }),
        ],
        element: "up:\n  - @@\n",
      },
      "/definitions/notification": {
        owners: ["a 'publish'"],
        homes: [
          (name, value) => step({ read, key, publish: `\n      ${name}: ${value}${name === "channel" ? "" : "\n      channel: a"}` }),
          (name, value) => step({ read, key, publish: `\n      message: b\n      ${name}: ${value}` }),
          (name, value) => `publish:\n  channel: a\n  ${name}: ${value}\nup:\n  - write: SET a b\n`,
        ],
      },
    },
    // What the parser alone refuses: what a text says, or how it is spelled.
    content: [
      /'read' takes a query/, /is refused:/, /^the (statement|query) /, /for the second time/,
      /'manual' is true or false/, // True, which to YAML is true
      /'batch' takes a number/, // 1e3, which to YAML is 1000
    ],
    // What the schema refuses although the parser takes it, and why.
    pickier: [NULL],
    fixtures: "invalid",
    onlyTheParser: {
      "YAML has it, and redferry's is smaller": "alias anchor directive directive_tag nel tag tag_bare tag_local two_documents",
      "there is nothing to judge": "empty empty_comment",
      "YAML drops comments and joins lines before a schema sees the text":
        "command_continues command_continues_element command_element_lines command_folded command_hash " +
        "command_hash_alone command_hash_placeholder message_hash read_comment_behind read_folded_block " +
        "read_folded_comment read_hash",
      "commands are split and judged by redferry":
        "bom_crlf command_comment command_unclosed refused_blocking refused_connection refused_own_key refused_reach " +
        "refused_subcommand",
      "placeholders have a syntax of their own":
        "announce_column command_empty_placeholder command_name_placeholder command_suffix " +
        "command_unclosed_placeholder placeholder_no_read publish_pairs",
      "SQL is read by redferry":
        "read_comment_only read_symbol read_two read_two_lines read_unclosed read_update sql_transaction sql_two",
    },
    slips: [
      /goes on in the next line/, // YAML joins lines before a schema sees the text
      /a placeholder in the name of the command/, /is one command; give each an element/,
    ],
    least: { examples: 20, pages: 20, fixtures: 200, slips: 2000, files: 4000, offers: 30 },
  },

  test: {
    folders: ["data_migrations", "docs/cookbook"],
    isOne: (path) => /\.test\.ya?ml$/.test(path),
    values: [...TEXTS, ...LISTS, ...MAPPINGS, ...CHECKS, ...SOURCES, ...MOMENTS],
    more: ["redis:\n    - GET a", "redis:\n    - HGETALL a", "published:\n    - a", "sql:\n    - SELECT 1"].flatMap((pair) =>
      ANSWERS.map((answer) => `expect:\n  ${pair}: ${answer}\n`)),
    mappings: {
      "": {
        owners: ["a test"],
        homes: [(name, value) => `${name === "expect" ? "" : "expect: {published: []}\n"}${name}: ${value}\n`],
      },
      "/properties/given": {
        owners: ["'given'"],
        homes: [(name, value) => `given:\n  ${name}: ${value}\nexpect:\n  published: []\n`],
      },
      "/definitions/expectation": {
        owners: ["'expect'", "'after_down'"],
        homes: [
          (name, value) => `expect:\n  ${name}: ${value}\n`,
          (name, value) => `expect: {published: []}\nafter_down:\n  ${name}: ${value}\n`,
        ],
      },
    },
    content: [
      /^'sql' takes a query/, /is refused:|writes, and a check only looks|is no command/, /^the (sql|statement|query) /, /for the second time/,
      /^this row has/, /^the (reply|value|message) is missing/, /write null for nothing/,
      /'repeatable' is true or false/,
    ],
    pickier: [NULL],
    fixtures: "invalid_tests",
    onlyTheParser: {
      "there is nothing to judge": "empty",
      "to YAML a text left out and null are one; as a reply null is nil":
        "reply_missing reply_missing_element reply_null sql_value_missing",
      "YAML drops comments and joins lines before a schema sees the text":
        "given_lines given_sql_comment given_sql_folded reply_comment reply_lines",
      "commands are split and judged by redferry":
        "given_own_key given_quote given_reach given_refused redis_blocks redis_publish redis_read_only_twin redis_refused redis_writes",
      "placeholders have a syntax of their own, and quotes count":
        "given_placeholder given_placeholder_all given_placeholder_list published_channel published_placeholder " +
        "redis_name_placeholder redis_placeholder reply_placeholder",
      "SQL is read by redferry": "given_sql_empty given_sql_quote sql_no_query sql_two",
      "rows are counted by redferry": "sql_lengths",
    },
    slips: [
      /goes on in the next line/, // YAML joins lines before a schema sees the text
      /is one command; give each an element/,
      /a key is expected here/, // a list as a key, which in JSON is a text
    ],
    least: { examples: 20, pages: 10, fixtures: 100, slips: 2000, files: 1000, offers: 20 },
  },

  settings: {
    folders: [],
    values: [...TEXTS, ...LISTS, ...MAPPINGS],
    more: [],
    mappings: {
      "": {
        owners: [],
        homes: [(name, value) => `${name}: ${value}\n`],
      },
    },
    content: [
      /for the second time/,
      /is not (a number|a duration|true or false)/, // 1e3, which to YAML is 1000; True
    ],
    pickier: [NULL],
    least: { files: 1000, offers: 40 },
  },
};
