# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
Answers of a control socket, compared with a JSON Schema.

    control_schema.py SCHEMA FILE

Each line of FILE is a request, a tab and its answer, or a tab and an event. Fails and prints the lines that
do not match, or if FILE has none.
"""
import json
import sys

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match


def main(schema, exchanges):
    with open(schema, encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    count = faults = 0
    with open(exchanges, encoding="utf-8") as file:
        for line in file:
            request, _, answer = line.rstrip("\n").partition("\t")
            count += 1
            answer = json.loads(answer)
            error = best_match(validator.iter_errors(
                {"request": request, "answer": answer} if request else answer))
            if error:
                faults += 1
                print(f"{request}: {answer}: {error.message}")
    print(f"{count} answers, {faults} do not match")
    return 1 if faults or not count else 0


sys.exit(main(*sys.argv[1:]))
