#!/usr/bin/env python3
"""valid_json.py FOLDER: is each document in FOLDER, N.NAME.json, what docs/schemas/NAME.json says, and no more?

For readers of the documents keys may be added; for the tests a key that is not in the schema is one that is
not documented. Of NAME `event` each line is a document. A schema that no document was held against is
complained of as well: it proves nothing.
"""

import json
import sys
from pathlib import Path

import jsonschema

SCHEMAS = Path(__file__).resolve().parent.parent.parent / "docs" / "schemas"


def close(schema):
    """No object may have keys that its schema does not name."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for part in schema.values():
            close(part)
    elif isinstance(schema, list):
        for part in schema:
            close(part)


def validators():
    for path in SCHEMAS.glob("*.json"):
        if path.name.endswith(".schema.json"):  # of what authors write
            continue
        schema = json.loads(path.read_text())
        close(schema)
        jsonschema.Draft202012Validator.check_schema(schema)
        yield path.stem, jsonschema.Draft202012Validator(schema)


def main():
    validator_of = dict(validators())
    unused, faults = set(validator_of), []
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        name, text = path.stem.split(".")[1], path.read_text()
        documents = text.splitlines() if name == "event" else [text]
        unused.discard(name)
        if not text.endswith("\n") or not documents:
            faults.append(f"{path.name}: a document and a newline are expected, not {text!r}")
            continue
        for document in documents:
            for error in validator_of[name].iter_errors(json.loads(document)):
                faults.append(f"{path.name}: {error.json_path}: {error.message}\n{document}")
    faults += [f"no document was held against docs/schemas/{name}.json" for name in sorted(unused)]
    if faults:
        sys.exit("\n".join(faults))


main()
