// sarif.mjs LOG…: each is a log of SARIF 2.1.0, as its published schema says; it names no absolute path, and
// every result is of a rule that the log explains.
import { readFileSync } from "node:fs";
import Ajv from "ajv-draft-04";

const schema = JSON.parse(readFileSync(
  new URL("node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json", import.meta.url), "utf8"));
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, unicodeRegExp: false });
const validate = ajv.compile(schema);
let failures = 0;

function expect(truth, log, text) {
  if (truth) return;
  console.error(`${log}: ${text}`);
  failures++;
}

// That the schema can say no.
expect(!validate({ version: "2.1.0", runs: [{ tool: {} }] }), "the schema", "finds nothing wrong with a tool without a driver");

for (const log of process.argv.slice(2)) {
  const document = JSON.parse(readFileSync(log, "utf8"));
  const [run] = document.runs;
  expect(validate(document), log, ajv.errorsText(validate.errors));
  const rules = run.tool.driver.rules;
  expect(rules.length > 20 && run.results.length > 0, log, "has hardly a rule, or no result");
  for (const result of run.results) {
    const { artifactLocation, region } = result.locations[0].physicalLocation;
    expect(rules[result.ruleIndex]?.id === result.ruleId, log, `${result.ruleId} is not the rule at ${result.ruleIndex}`);
    expect(!/^[/]|^[a-z]+:/.test(artifactLocation.uri), log, `${artifactLocation.uri} is not relative`);
    expect(region.startLine > 0, log, `${result.ruleId} stands nowhere`);
  }
}
process.exit(failures > 0 ? 1 : 0);
