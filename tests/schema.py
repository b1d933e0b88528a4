#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""schema.py NAME FILE - is FILE (-: standard input) JSON as docs/schema/NAME.json says?"""
import json
import os
import sys

import jsonschema

name, file = sys.argv[1:]
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "schema")
schema = json.load(open(os.path.join(folder, name + ".json")))
data = json.load(sys.stdin if file == "-" else open(file))
# jsonschema before 4.0 ends at draft 7, which has all that the schemas use.
validator = getattr(jsonschema, "Draft202012Validator", jsonschema.Draft7Validator)
validator.check_schema(schema)
validator(schema).validate(data)
