#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a release is made of: an SBOM in SPDX 2.3, as JSON.

  sbom.py RELEASE [LIBRARIES]
        Of the files in the folder RELEASE, to standard output. LIBRARIES names what is linked into the
        one-file archives, a line "NAME VERSION LICENCE" each.
  sbom.py --check FILE
        Check a document against the rules of the specification: what must be there, the forms of
        identifiers, dates, checksums and licences, and that every relationship leads somewhere.

The rules are those of the chapters "Document Creation Information", "Package Information" and
"Relationships" of the SPDX specification 2.3, and of its JSON schema (schemas/spdx-schema.json in
github:spdx/spdx-spec, v2.3).
"""
import datetime
import hashlib
import json
import os
import re
import sys
import uuid

LICENCES = {"BSD-3-Clause", "GPL-2.0-only", "LGPL-2.1-or-later", "LGPL-2.1-only", "MIT", "Zlib"}
RELATIONSHIPS = {"DESCRIBES", "CONTAINS", "DEPENDS_ON", "STATIC_LINK", "DYNAMIC_LINK", "GENERATED_FROM"}
PURPOSES = {"APPLICATION", "LIBRARY", "ARCHIVE", "INSTALL", "SOURCE", "FILE"}
HASH_DIGITS = {"SHA1": 40, "SHA256": 64}


def version():
    root = os.path.join(os.path.dirname(__file__), "../..")
    with open(os.path.join(root, "meson.build"), encoding="utf-8") as file:
        return re.search(r"^ *version : '([^']*)'", file.read(), re.MULTILINE)[1]


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name, release, licence, **more):
    return {"SPDXID": identifier(f"Package-{name}"), "name": name, "versionInfo": release,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": licence,
            "licenseDeclared": licence, "copyrightText": "NOASSERTION", **more}


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def purpose(name):
    if name.endswith((".deb", ".rpm")):
        return "INSTALL"
    return "SOURCE" if name.endswith(".tar.xz") else "ARCHIVE"


def document(release, libraries):
    ours = version()
    packages = []
    relations = []
    linked = [package(name, number, licence, primaryPackagePurpose="LIBRARY") for name, number, licence in libraries]
    digest = hashlib.sha256()
    for name in sorted(os.listdir(release)):
        if not name.endswith((".deb", ".rpm", ".tar.xz", ".tar.gz")):
            continue
        with open(os.path.join(release, name), "rb") as file:
            checksum = hashlib.sha256(file.read()).hexdigest()
        digest.update(f"{checksum} {name}\n".encode())
        packages.append(package(name, ours, "BSD-3-Clause AND GPL-2.0-only", packageFileName=name,
                                supplier="Organization: Manakin developers", primaryPackagePurpose=purpose(name),
                                checksums=[{"algorithm": "SHA256", "checksumValue": checksum}]))
        relations.append(relation("SPDXRef-DOCUMENT", "DESCRIBES", packages[-1]["SPDXID"]))
        if "-linux-" in name:
            relations += [relation(packages[-1]["SPDXID"], "CONTAINS", item["SPDXID"]) for item in linked]
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    name = f"manakin-{ours}"
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
            # The same files have the same name, and no others have it.
            "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, name + digest.hexdigest())}",
            "creationInfo": {"created": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: manakin-sbom.py"]},
            "packages": packages + linked, "relationships": relations}


def licence_wrong(text):
    if text in ("NOASSERTION", "NONE"):
        return False
    return not all(part in LICENCES for part in re.split(r" (?:AND|OR) ", text.replace("(", "").replace(")", "")))


def check_document(doc):
    """The sentences that are to be said against a document"""
    def need(item, where, **forms):
        for name, form in forms.items():
            value = item.get(name)
            if not isinstance(value, str) or not re.fullmatch(form, value, re.DOTALL):
                yield f"{where}: {name} is {value!r}"

    yield from need(doc, "document", spdxVersion=r"SPDX-2\.3", dataLicense=r"CC0-1\.0", SPDXID="SPDXRef-DOCUMENT",
                    name=".+", documentNamespace=r"(https?|urn):[^#\s]+")
    creation = doc.get("creationInfo", {})
    yield from need(creation, "creationInfo", created=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    creators = creation.get("creators") or []
    if not creators or not all(re.fullmatch(r"(Tool|Organization|Person): .+", one) for one in creators):
        yield f"creationInfo: creators is {creators!r}"
    known = {"SPDXRef-DOCUMENT"}
    for item in doc.get("packages", []):
        where = item.get("name", "a package")
        yield from need(item, where, SPDXID=r"SPDXRef-[A-Za-z0-9.-]+", name=".+", downloadLocation=".+")
        if item.get("SPDXID") in known:
            yield f"{where}: {item['SPDXID']} is there twice"
        known.add(item.get("SPDXID"))
        for name in ("licenseConcluded", "licenseDeclared"):
            if licence_wrong(item.get(name, "NOASSERTION")):
                yield f"{where}: {name} is {item[name]!r}"
        for checksum in item.get("checksums", []):
            digits = HASH_DIGITS.get(checksum.get("algorithm"), 0)
            if not digits or not re.fullmatch(f"[0-9a-f]{{{digits}}}", checksum.get("checksumValue", "")):
                yield f"{where}: checksum {checksum!r}"
        if item.get("primaryPackagePurpose", "FILE") not in PURPOSES:
            yield f"{where}: primaryPackagePurpose is {item['primaryPackagePurpose']!r}"
        if item.get("filesAnalyzed") is not False:
            yield f"{where}: filesAnalyzed is true, and there is no verification code"
    for one in doc.get("relationships", []):
        for name in ("spdxElementId", "relatedSpdxElement"):
            if one.get(name) not in known:
                yield f"relationship: {name} {one.get(name)!r} is nowhere"
        if one.get("relationshipType") not in RELATIONSHIPS:
            yield f"relationship: type {one.get('relationshipType')!r}"
    if not any(one.get("relationshipType") == "DESCRIBES" for one in doc.get("relationships", [])):
        yield "the document describes nothing"


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="utf-8") as file:
            wrong = list(check_document(json.load(file)))
        for sentence in wrong:
            print(f"{sys.argv[2]}: {sentence}")
        return 1 if wrong else 0
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    libraries = []
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding="utf-8") as file:
            libraries = [line.split(None, 2) for line in file.read().splitlines()]
    json.dump(document(sys.argv[1], libraries), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
