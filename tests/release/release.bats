# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What a release is made by, as far as it takes no system of another release: the tarball, the lists of
# files, the SBOM, and the recipes for other machines. SOURCE is the tree, MANAKIN the program.

bats_require_minimum_version 1.5.0
load ../assert

RECIPES=$BATS_TEST_DIRNAME/recipes.py
SBOM=$SOURCE/scripts/release/sbom.py

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# project - a small project under git, with the scripts of this one
project() {
	mkdir -p project/scripts project/src
	cp -r "$SOURCE/scripts/release" project/scripts/
	cp "$SOURCE/meson.build" project/
	echo tracked >project/src/file.c
	git -C project init -q -b main
	git -C project add -A
	git -C project -c user.name=somebody -c user.email=somebody@manakin.invalid commit -q -m 'a commit'
	VERSION=$(sed -n "s/^ *version : '\([^']*\)',$/\1/p" project/meson.build)
}

@test "make dist: the same commit gives the same bytes, whatever the machine's time zone, mask and settings" {
	project
	run -0 project/scripts/release/dist.sh "$PWD/one"
	equal "$PWD/one/manakin-$VERSION.tar.xz" "$output" "what dist.sh prints"
	touch project/src/file.c
	printf '[tar]\n\tumask = 0077\n[core]\n\tautocrlf = true\n' >settings
	(umask 077 && GIT_CONFIG_GLOBAL=$PWD/settings TZ=Asia/Tokyo XZ_DEFAULTS=-1 project/scripts/release/dist.sh "$PWD/two")
	cmp "one/manakin-$VERSION.tar.xz" "two/manakin-$VERSION.tar.xz"
	equal "$(git -C project log -1 --format=%ct)" "$(stat --format=%Y one/*)" "the tarball's time"
}

@test "make dist: only what is committed is in the tarball, and changes that are not are told" {
	project
	echo stray >project/src/stray.c
	echo changed >>project/src/file.c
	run -0 --separate-stderr project/scripts/release/dist.sh "$PWD/out"
	equal "Changes that are not committed are not in the tarball." "$stderr" "what is told"
	tar -xf out/*.tar.xz
	equal tracked "$(cat "manakin-$VERSION/src/file.c")" "the file"
	[[ ! -e manakin-$VERSION/src/stray.c ]]
	run -1 "manakin-$VERSION/scripts/release/dist.sh" "$PWD/again"
	[[ $output == "error: cannot make a tarball: "*" is not a git checkout; a tarball is made from a commit" ]]
}

@test "the version is the same for meson, Debian, RPM and the changelog" {
	version=$(sed -n "s/^ *version : '\([^']*\)',$/\1/p" "$SOURCE/meson.build")
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
	[[ $(head -n 1 "$SOURCE/debian/changelog") == "manakin ($version-"*") "* ]]
	grep -q "^Version: *$version$" "$SOURCE/share/rpm/manakin.spec"
	grep -q "^\* .* - $version-1$" "$SOURCE/share/rpm/manakin.spec"
	grep -q "^## \[$version\]" "$SOURCE/CHANGELOG.md"
	cd "$SOURCE"
	. scripts/release/lib.sh
	[[ -n $(changes) && $(changes) != *'## ['* ]]
}

@test "each file that is installed is in one package of Debian's and one of the spec's" {
	run -0 "$RECIPES" packed "$BUILD" "$SOURCE"
	equal '' "$output" "what is in none, or in two"
	mkdir -p less/share
	cp -r "$SOURCE/debian" less/
	cp -r "$SOURCE/share/rpm" less/share/
	sed -i '/rules/d' less/debian/manakin.install
	sed -i '/completions.manakin$/d' less/share/rpm/manakin.spec
	run -1 "$RECIPES" packed "$BUILD" less
	[[ $output == *"debian: /usr/share/manakin/rules is in no package"* ]]
	[[ $output == *"rpm: /usr/share/bash-completion/completions/manakin is in no package"* ]]
}

@test "rpmlint has nothing to say against the spec that is not explained" {
	command -v rpmlint >/dev/null || fail "rpmlint is not installed: apt-get install rpmlint"
	run -0 rpmlint -r "$SOURCE/share/rpm/manakin.rpmlintrc" --ignore-unused-rpmlintrc "$SOURCE/share/rpm/manakin.spec"
	[[ $output == *"0 errors, 0 warnings"* ]] || fail "$output"
}

@test "symbols of a glibc that is too new are found" {
	. "$SOURCE/scripts/release/lib.sh"
	equal '' "$(glibc_above 99.1 "$MANAKIN")" "newer than 99.1"
	run -0 glibc_above 2.1 "$MANAKIN"
	[[ $output == *@GLIBC_2.* && $output != *@GLIBC_2.0* && $output != *@GLIBC_2.1$'\n'* ]]
}

@test "the SBOM names each file of a release and what is linked in, and is a document of SPDX 2.3" {
	mkdir release
	echo one >release/manakin-1.tar.xz
	echo two >release/manakin-1-linux-x86_64.tar.gz
	echo three >release/manakin_1-1_amd64.deb
	echo no >release/SHA256SUMS
	printf 'libmnl 1.0.4-3 LGPL-2.1-or-later\n' >libraries
	SOURCE_DATE_EPOCH=1764378288 "$SBOM" release libraries >sbom.json
	run -0 "$SBOM" --check sbom.json
	SOURCE_DATE_EPOCH=1764378288 "$SBOM" release libraries | cmp - sbom.json
	python3 - <<-'CHECK'
		import hashlib, json
		doc = json.load(open("sbom.json"))
		names = {one["name"]: one for one in doc["packages"]}
		assert set(names) == {"manakin-1.tar.xz", "manakin-1-linux-x86_64.tar.gz", "manakin_1-1_amd64.deb", "libmnl"}, names
		want = hashlib.sha256(open("release/manakin-1.tar.xz", "rb").read()).hexdigest()
		assert names["manakin-1.tar.xz"]["checksums"][0]["checksumValue"] == want
		assert any(one["relationshipType"] == "CONTAINS" and one["relatedSpdxElement"] == names["libmnl"]["SPDXID"]
			and one["spdxElementId"] == names["manakin-1-linux-x86_64.tar.gz"]["SPDXID"] for one in doc["relationships"])
	CHECK
}

@test "a document that is not one of SPDX 2.3 is refused, with what is wrong" {
	mkdir release
	echo one >release/manakin-1.tar.xz
	"$SBOM" release >good.json
	while IFS='|' read -r change wanted; do
		python3 -c "
import json
doc = json.load(open('good.json'))
$change
json.dump(doc, open('bad.json', 'w'))"
		run -1 "$SBOM" --check bad.json
		[[ $output == *"$wanted"* ]] || fail "$change:" "$output"
	done <<-'CHANGES'
		doc["spdxVersion"] = "SPDX-2.2"|spdxVersion
		del doc["documentNamespace"]|documentNamespace
		doc["creationInfo"]["created"] = "today"|created
		doc["creationInfo"]["creators"] = ["me"]|creators
		doc["packages"][0]["SPDXID"] = "SPDXRef-a_b"|SPDXID
		del doc["packages"][0]["downloadLocation"]|downloadLocation
		doc["packages"][0]["licenseDeclared"] = "BSD"|licenseDeclared
		doc["packages"][0]["checksums"][0]["checksumValue"] = "00"|checksum
		doc["relationships"][0]["relatedSpdxElement"] = "SPDXRef-none"|is nowhere
		doc["relationships"] = []|describes nothing
	CHANGES
}

@test "the workflow's jobs are whole, and shellcheck has nothing to say against their shell" {
	mkdir steps
	run -0 "$RECIPES" workflow "$SOURCE/.github/workflows/build.yml" steps
	shellcheck steps/*.sh
	for image in debian:11 debian:13 debian:testing ubuntu:20.04 ubuntu:26.04 almalinux:8 rockylinux:10 fedora azurelinux opensuse; do
		grep -q -e "- .*$image" "$SOURCE/.github/workflows/build.yml" || fail "no $image"
	done
	sed 's/needs: \[build, check\]/needs: [built]/' "$SOURCE/.github/workflows/build.yml" >wrong.yml
	run -1 "$RECIPES" workflow wrong.yml steps
	[[ $output == *"release: needs ['built']"* ]]
}

@test "the Containerfile's steps are shell that shellcheck has nothing to say against, and it copies what is there" {
	run -0 "$RECIPES" container "$SOURCE/Containerfile"
	steps=$output
	while IFS=$'\t' read -r _ command argument; do
		case $command in
		RUN)
			printf '#!/bin/sh\n%s\n' "$argument" >step.sh
			shellcheck step.sh
			;;
		COPY)
			[[ $argument == --from=build* || -e $SOURCE/${argument%% *} ]] || fail "COPY $argument"
			;;
		esac
	done <<<"$steps"
}
