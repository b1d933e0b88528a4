# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# manakin diagnose, on what people reported in public. FIELD has the logs, and their INDEX.
#
# MANAKIN is the program, RULES the shipped rules.

bats_require_minimum_version 1.5.0
load ../../assert

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# diagnosed FOLDER - each log of it that the index names has the diagnoses that the index says, and no others
diagnosed() {
	local file ids source cause status
	while IFS='|' read -r file ids source cause; do
		case $file in "$1/"*) ;; *) continue ;; esac
		file=${file% }
		[ -n "${source// /}" ]
		status=0
		timeout -s KILL "$PATIENCE" "$MANAKIN" diagnose --rules "$RULES" --json --log-only "$FIELD/$file" \
			>"${file##*/}.json" || status=$?
		echo "$status|${file##*/}|$ids|$cause" >>tried
	done <"$FIELD/INDEX"
	python3 - <<-'PYTHON'
		import json, re, sys
		wrong = tried = 0
		for line in open("tried", encoding="utf-8"):
		    status, name, ids, cause = line.rstrip("\n").split("|", 3)
		    wanted = [rule for rule in ids.split() if rule != "none"]
		    diagnoses = json.load(open(name + ".json"))["diagnoses"]
		    told = [diagnosis["id"] for diagnosis in diagnoses]
		    tried += 1
		    for diagnosis in diagnoses:
		        unsaid = [step for step in diagnosis["fix"] if re.search(r"{[a-z]|\bINTERFACE\b|\bNAME\b", step)]
		        if unsaid or not diagnosis["fix"]:
		            told.append(f"no fix, or a name that is not filled in: {unsaid}")
		    if told != wanted or int(status) != bool(wanted):
		        wrong += 1
		        print(f"{name}: wanted {wanted}, got {told}, status {status};{cause}")
		print(f"{tried} logs, {wrong} wrong")
		sys.exit(wrong > 0 or tried == 0)
	PYTHON
}

@test "faults that people reported come to their cause, and to no other" {
	diagnosed faults
}

@test "healthy logs that people published have no diagnosis" {
	diagnosed healthy
}

@test "a fault is found whatever its log was wrapped in" {
	diagnosed formats
}

@test "each log is in the index, and each line of the index has its log" {
	(cd "$FIELD" && find faults healthy formats -type f) | sort >files
	sed -n 's/^\(# later: \)\?\([a-z]*\/[^ ]*\) |.*/\2/p' "$FIELD/INDEX" | sort >named
	[ -s files ]
	diff files named
}

# In a container no such command would last, and most images have no sudo.
@test "a rule about containers tells no command for sudo" {
	awk 'BEGIN { RS = "" } /\nNeeds-Fact: container/ { n++; if (/sudo/) { print; bad = 1 } }
	     END { exit bad || !n }' "$RULES"/*.rules
}
