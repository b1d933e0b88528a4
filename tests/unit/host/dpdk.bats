# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# manakin dpdk: what is listed of trees shaped like installations, and of this machine's own; and
# install and uninstall, of a small project of meson's that is shaped like DPDK: a file VERSION, a
# library librte_eal, libdpdk.pc, and links that a script makes. (All of DPDK takes too long here.)
# MANAKIN is the program, SCHEMA schema.py.

bats_require_minimum_version 1.5.0
load ../../archives
load ../../assert

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	[ -z "${server-}" ] || kill "$server"
}

dpdk() {
	timeout -s KILL "$PATIENCE" "$MANAKIN" dpdk "$@"
}

# field EXPRESSION - of the list in the file out, as JSON
field() {
	python3 -c "import json; l = json.load(open('out'))['installations']; print(json.dumps($1))"
}

# library DIRECTORY ABI - librte_eal with its links
library() {
	mkdir -p "$1"
	touch "$1/librte_eal.so.$2"
	ln -sf "librte_eal.so.$2" "$1/librte_eal.so.${2%.*}"
}

# package DIRECTORY PREFIX VERSION
package() {
	mkdir -p "$1"
	printf 'prefix=%s\nlibdir=${prefix}/lib/x86_64-linux-gnu\n\nName: DPDK\nVersion: %s\n' "$2" "$3" \
		>"$1/libdpdk.pc"
}

@test "a distribution's packages: without libdpdk.pc the ABI gives the release" {
	lib=root/usr/lib/x86_64-linux-gnu
	library $lib 25.0
	mkdir -p $lib/dpdk/pmds-25.0
	touch $lib/dpdk/pmds-25.0/librte_{net_mana,net_netvsc,bus_vmbus}.so.25
	dpdk --sysroot root --json >out
	[ "$(field 'len(l)')" = 1 ]
	[ "$(field '[l[0][k] for k in ("prefix", "version", "abi", "shared", "static", "pkgconfig")]')" = \
		'["/usr", "24.11", "25.0", true, false, null]' ]
	[ "$(field 'l[0]["drives_mana"]')" = true ]
	[ "$(field 'l[0]["drivers"]["net_manakin"]')" = false ]
}

@test "two releases in one directory, and one to compile with in /usr/local" {
	library root/usr/lib64 22.0
	library root/usr/lib64 23.2
	touch root/usr/lib64/librte_net_mana.so.23
	lib=root/usr/local/lib/x86_64-linux-gnu
	library $lib 24.0
	touch $lib/librte_eal.a $lib/librte_net_mana.so.24
	package $lib/pkgconfig /usr/local 23.11.2
	mkdir -p $lib/manakin && touch $lib/manakin/librte_net_manakin.so
	dpdk list --sysroot root --json >out
	[ "$(field '[[i["prefix"], i["version"], i["static"], i["drives_mana"]] for i in l]')" = \
		'[["/usr", "21.11", false, false], ["/usr", "23.07", false, true], ["/usr/local", "23.11.2", true, true]]' ]
	[ "$(field 'l[2]["pkgconfig"]')" = '"/usr/local/lib/x86_64-linux-gnu/pkgconfig/libdpdk.pc"' ]
	[ "$(field 'l[2]["drivers"]["net_manakin"]')" = true ]
	[[ $(field 'l[0]["why"]') == *"older than 22.11"* ]]
}

@test "only static libraries, below /opt" {
	mkdir -p root/opt/dpdk/lib/x86_64-linux-gnu
	touch root/opt/dpdk/lib/x86_64-linux-gnu/librte_{eal,net_mana,net_netvsc,bus_vmbus}.a
	package root/opt/dpdk/lib/x86_64-linux-gnu/pkgconfig /opt/dpdk 24.11.0
	dpdk --sysroot root --json >out
	[ "$(field '[[i["prefix"], i["version"], i["shared"], i["drives_mana"]] for i in l]')" = \
		'[["/opt/dpdk", "24.11.0", false, true]]' ]
}

@test "/usr/lib64 that is /usr/lib is listed once" {
	library root/usr/lib 25.0
	ln -s lib root/usr/lib64
	dpdk --sysroot root --json >out
	[ "$(field 'len(l)')" = 1 ]
}

@test "this machine's own DPDK is what pkg-config says" {
	dpdk --json >out
	[ "$(field '[i["version"] for i in l if i["prefix"] == "/usr" and i["pkgconfig"]]')" = \
		"[\"$(pkg-config --modversion libdpdk)\"]" ]
	run -0 dpdk
	[[ $output == *PREFIX*VERSION*/usr* ]]
}

@test "no process is started, and no library loaded" {
	# A sanitizer cannot search for leaks under strace.
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=execve,clone,fork,vfork,openat,openat2 -o trace "$MANAKIN" dpdk >/dev/null
	[ "$(grep -c execve trace)" -eq 1 ]
	run ! grep -E '(clone|fork)[0-9]*\(' trace
	[ -z "$(grep 'librte_' trace | grep -v O_PATH)" ]
}

@test "no DPDK, and a damaged libdpdk.pc" {
	mkdir root
	run -0 dpdk --sysroot root
	[[ $output == *"DPDK is not installed"* ]]
	mkdir -p root/usr/lib/x86_64-linux-gnu/pkgconfig
	head -c 10000 /dev/urandom >root/usr/lib/x86_64-linux-gnu/pkgconfig/libdpdk.pc
	library root/usr/lib/x86_64-linux-gnu 25.0
	dpdk --sysroot root --json >out
	[ "$(field 'l[0]["version"]')" = '"24.11"' ]
}

@test "a program, by the drivers that are linked into it" {
	cat >app.c <<'END'
const char mana[] = "PMD_INFO_STRING= {\"name\": \"net_mana\", \"kmod\": \"\", \"pci_ids\": []}";
const char netvsc[] = "PMD_INFO_STRING= {\"name\": \"net_netvsc\", \"pci_ids\": []}";
const char bus[] = "/sys/bus/vmbus/devices";
int main(void) { return mana[0] + netvsc[0] + bus[0]; }
END
	cc -o app app.c
	dpdk list --json ./app "$(command -v dpdk-testpmd)" >out
	[ "$(field '[[i["drivers"]["net_mana"], i["drivers"]["bus_vmbus"], i["shared"], i["drives_mana"]] for i in l if i["program"]]')" = \
		'[[true, true, false, true], [false, false, true, false]]' ]
	run --separate-stderr dpdk app.c
	[ "$status" -eq 1 ]
	[[ $stderr == *"it is not an ELF program"* ]]
	run --separate-stderr dpdk nowhere
	[ "$status" -eq 1 ]
	[[ $stderr == *"No such file"* ]]
}

@test "JSON matches its schema" {
	library root/usr/lib64 22.0
	cc -x c -o app - <<<'int main(void) { return 0; }'
	for arguments in "--sysroot root" "./app" "--sysroot ."; do
		# shellcheck disable=SC2086
		dpdk --json $arguments >out
		"$SCHEMA" dpdk out
	done
}

# ---- install ----

# source_tarball VERSION - a tarball shaped like DPDK's
source_tarball() {
	mkdir -p "dpdk-$1/lib"
	cd "dpdk-$1" || return
	echo "$1" >VERSION
	echo 'int rte_eal(void); int rte_eal(void) { return 0; }' >lib/eal.c
	cat >meson.build <<'END'
project('DPDK', 'c', version : run_command('cat', 'VERSION', check : true).stdout().strip())
eal = library('rte_eal', 'lib/eal.c', version : '24.0', soversion : '24', install : true)
static_library('rte_net_mana', 'lib/eal.c', install : false)
import('pkgconfig').generate(eal, name : 'DPDK', filebase : 'libdpdk', description : 'shaped like it')
install_data('VERSION', install_dir : get_option('datadir') / 'dpdk')
meson.add_install_script('links.sh')
END
	echo "option('tests', type : 'boolean', value : true)" >meson_options.txt
	echo "option('enable_drivers', type : 'string', value : '')" >>meson_options.txt
	echo "option('enable_driver_sdk', type : 'boolean', value : false)" >>meson_options.txt
	cat >links.sh <<'END'
#!/bin/sh
mkdir -p "$MESON_INSTALL_DESTDIR_PREFIX/lib/dpdk/pmds-24.0"
ln -sf ../../librte_eal.so "$MESON_INSTALL_DESTDIR_PREFIX/lib/dpdk/pmds-24.0/librte_net_mana.so"
END
	chmod +x links.sh
	cd .. || return
	tar -cJf "dpdk-$1.tar.xz" "dpdk-$1"
}

install_it() {
	dpdk install --no-packages --tarball dpdk-23.11.1.tar.xz --prefix "$PWD/prefix" "$@"
}

# files - all that is below the prefix
files() {
	find prefix -mindepth 1 | sort
}

@test "install, list, and uninstall: nothing is left" {
	source_tarball 23.11.1
	mkdir -p prefix/lib
	touch prefix/lib/mine
	files >before
	run -0 install_it --sha256 "$(sha256sum dpdk-23.11.1.tar.xz | cut -d' ' -f1)" --drivers net/mana
	[[ $output == *"DPDK 23.11.1 is installed in $PWD/prefix"* ]]
	library=$(find prefix -name librte_eal.so.24.0)
	[ -e "$library" ]
	[ -h prefix/lib/dpdk/pmds-24.0/librte_net_mana.so ]
	PKG_CONFIG_PATH=$PWD/$(dirname "$(find prefix -name libdpdk.pc)") dpdk --json >out
	[[ $(field "[i['version'] for i in l if i['prefix'] == '$PWD/prefix']") == *23.11.1* ]]
	run -0 dpdk uninstall "$PWD/prefix"
	[[ $output == *"files were removed"* ]]
	files | diff before -
}

@test "install and uninstall in JSON" {
	source_tarball 23.11.1
	sum=$(sha256sum dpdk-23.11.1.tar.xz | cut -d' ' -f1)
	install_it --dry-run --json --sha256 "$sum" >out
	"$SCHEMA" dpdk-install out
	[ "$(python3 -c 'import json; o = json.load(open("out")); print(o["sha256"], o["installed"], o["commands"][-1][0])')" = \
		"$sum False cp" ]
	[ ! -e prefix ]
	install_it --json >out 2>err
	"$SCHEMA" dpdk-install out
	[ "$(python3 -c 'import json; o = json.load(open("out")); print(o["prefix"], o["version"], o["sha256"], o["installed"], o["net_mana"])')" = \
		"$PWD/prefix 23.11.1 $sum True False" ]
	grep -q Compiling err
	dpdk uninstall --json "$PWD/prefix" >out
	"$SCHEMA" dpdk-uninstall out
	[ "$(python3 -c 'import json; print(json.load(open("out"))["removed"] > 3)')" = True ]
	# After a failure there is none.
	run --separate-stderr install_it --json --sha256 "$(printf '0%.0s' {1..64})"
	[ "$status" -eq 1 ] && [ -z "$output" ]
}

@test "a second install is refused, and a file that is there is not overwritten" {
	source_tarball 23.11.1
	install_it
	files >before
	run --separate-stderr install_it
	[ "$status" -eq 1 ]
	[[ $stderr == *"uninstall"* ]]
	files | diff before -
	dpdk uninstall "$PWD/prefix"
	mkdir -p prefix/share/dpdk
	echo mine >prefix/share/dpdk/VERSION
	run --separate-stderr install_it
	[ "$status" -eq 1 ]
	[[ $stderr == *"would be overwritten"* ]]
	[ "$(cat prefix/share/dpdk/VERSION)" = mine ]
	[ "$(find prefix -type f | wc -l)" -eq 1 ]
}

@test "a wrong digest, no DPDK, a compiler's error: nothing is installed" {
	source_tarball 23.11.1
	mkdir prefix
	run --separate-stderr install_it --sha256 "$(printf '0%.0s' {1..64})"
	[ "$status" -eq 1 ]
	[[ $stderr == *"has the SHA-256 digest"*"nothing was installed"* ]]
	[ -z "$(files)" ]
	mkdir other && touch other/README && tar -cJf other.tar.xz other
	run --separate-stderr dpdk install --no-packages --tarball other.tar.xz --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"is not DPDK's source"* ]]
	echo 'int broken(' >>dpdk-23.11.1/lib/eal.c
	tar -cJf dpdk-23.11.1.tar.xz dpdk-23.11.1
	run --separate-stderr install_it
	[ "$status" -eq 1 ]
	[[ $stderr == *"ninja exited with status 1"*"broken"* ]]
	[ -z "$(files)" ]
	head -c 1000 /dev/urandom >random.tar.xz
	run --separate-stderr dpdk install --no-packages --tarball random.tar.xz --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"tar exited with status"* ]]
}

# dpdk_org - the releases in ./rel, by TLS, from this machine: what curl finds at dpdk.org's address
dpdk_org() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=fast.dpdk.org \
		-addext subjectAltName=DNS:fast.dpdk.org 2>/dev/null
	python3 - >port 3>&- <<-'END' &
		import functools, http.server, ssl
		handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=".")
		server = http.server.HTTPServer(("127.0.0.1", 0), handler)
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain("cert.pem", "key.pem")
		server.socket = context.wrap_socket(server.socket, server_side=True)
		print(server.server_port, flush=True)
		server.serve_forever()
	END
	server=$!
	for _ in {1..200}; do [ ! -s port ] || break; sleep 0.05; done
	export CURL_HOME=$PWD
	printf '%s\n' "connect-to = fast.dpdk.org:443:127.0.0.1:$(cat port)" "cacert = $PWD/cert.pem" 'noproxy = *' >.curlrc
}

@test "--release downloads, and installs only what has the right digest" {
	local sum
	source_tarball 23.11.1
	mkdir rel prefix
	mv dpdk-23.11.1.tar.xz rel/
	sum=$(sha256sum rel/dpdk-23.11.1.tar.xz | cut -d' ' -f1)
	dpdk_org
	run --separate-stderr dpdk install --no-packages --release 23.11.1 --sha256 "${sum//[0-9]/0}" --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"has the SHA-256 digest $sum"*"nothing was installed"* ]]
	[ -z "$(files)" ]
	run --separate-stderr dpdk install --no-packages --release 23.11.2 --sha256 "$sum" --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"curl exited with status 22"*404* ]]
	[ -z "$(files)" ]
	run -0 dpdk install --no-packages --release 23.11.1 --sha256 "$sum" --prefix "$PWD/prefix"
	[[ $output == *"DPDK 23.11.1 is installed in $PWD/prefix"* ]]
	kill "$server"
	wait "$server" || server=
	run --separate-stderr dpdk install --no-packages --release 23.11.1 --sha256 "$sum" --prefix "$PWD/other"
	[ "$status" -eq 1 ]
	[[ $stderr == *"curl exited with status 7"* ]]
	[ ! -e other ]
}

@test "Ctrl-C while it compiles leaves nothing" {
	source_tarball 23.11.1
	mkdir prefix
	sed -i "s/^import/run_command('sleep', '30', check : true)\nimport/" dpdk-23.11.1/meson.build
	tar -cJf dpdk-23.11.1.tar.xz dpdk-23.11.1
	"$MANAKIN" dpdk install --no-packages --tarball dpdk-23.11.1.tar.xz --prefix "$PWD/prefix" 2>err 3>&- &
	for _ in {1..100}; do
		! grep -q Configuring err || break
		sleep 0.1
	done
	sleep 1
	kill -INT $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 1 ]
	grep -q interrupted err
	[ -z "$(files)" ]
}

@test "--dry-run prints the commands, and does nothing" {
	source_tarball 23.11.1
	run -0 install_it --dry-run
	[[ $output == *"sha256sum -- "*"tar -xf "*"meson setup "*"ninja -C "*install*"cp -a -T -- "* ]]
	[ ! -e prefix ]
	run -0 dpdk install --release 23.11.1 --sha256 "$(printf 'a%.0s' {1..64})" --dry-run --no-packages
	[[ $output == *"curl "*"https://fast.dpdk.org/rel/dpdk-23.11.1.tar.xz"* ]]
	run -0 dpdk install --tarball dpdk-23.11.1.tar.xz --dry-run
	[[ $output == *" install "*meson* ]]
	run -0 dpdk install --release 24.11.1 --dry-run --no-packages
	[[ $output == *"/dpdk-24.11.1.tar.xz"* ]]
}

# with_packages ID VERSION - all the packages there are get installed, and then DPDK
with_packages() {
	on "$1" "$2" "$MANAKIN" dpdk install --tarball dpdk-23.11.1.tar.xz --prefix "$PWD/prefix"
	find repositories -name '*.rpm' -printf '%f\n' | sed 's/-1-1.noarch.rpm//' | sort | diff - installed
	dpdk uninstall "$PWD/prefix"
}

# needed FIELD - the packages of a family that DPDK is built with; names.bats says whose names they are
needed() {
	awk -v field="$1:" '
		/^For: / { wanted = / dpdk/ }
		$1 == field && wanted { for (i = 2; i <= NF; i++) print $i }' \
		"$BATS_TEST_DIRNAME/../../../share/packages" | sort -u
}

# What RHEL has in the CodeReady Builder, by Red Hat's package manifests of RHEL 8 and 9
BUILDER="meson ninja-build python3-pyelftools"

@test "packages: RHEL and its derivatives, with dnf; the CodeReady Builder is used even if it is disabled" {
	source_tarball 23.11.1
	for builder in codeready-builder-for-rhel-9-x86_64-rhui-rpms rhui-codeready-builder-for-rhel-8-x86_64-rhui-rpms \
		codeready-builder-for-rhel-9-x86_64-rpms crb powertools ol9_codeready_builder; do
		rm -rf repositories repos
		# shellcheck disable=SC2046
		repository baseos $(needed RHEL | grep -vxF "${BUILDER// /$'\n'}")
		# shellcheck disable=SC2086
		repository "$builder" $BUILDER
		repos <<<"baseos enabled"$'\n'"$builder disabled"
		case $builder in
		*rhel*) with_packages rhel 9.4 ;;
		ol9*) ID_LIKE=fedora with_packages ol 9.4 ;;
		*) ID_LIKE="rhel centos fedora" with_packages almalinux 9.4 ;;
		esac
	done
}

@test "packages: Fedora, with dnf" {
	source_tarball 23.11.1
	# shellcheck disable=SC2046
	repository fedora $(needed RHEL)
	repos <<<"fedora enabled"
	with_packages fedora 39
}

@test "packages: SUSE, with zypper" {
	source_tarball 23.11.1
	# shellcheck disable=SC2046
	repository oss python311-pyelftools=python3-pyelftools $(needed SUSE | grep -vx python3-pyelftools)
	repos <<<"oss enabled"
	ID_LIKE="suse opensuse" with_packages opensuse-tumbleweed 20231101
}

@test "packages: one that is not available ends the installation, and is named" {
	source_tarball 23.11.1
	# shellcheck disable=SC2046
	repository fedora $(needed RHEL | grep -vx python3-pyelftools)
	repos <<<"fedora enabled"
	run --separate-stderr on fedora 39 "$MANAKIN" dpdk install --tarball dpdk-23.11.1.tar.xz --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"dnf exited with status 1"*"No match for argument: python3-pyelftools"* ]]
	[ ! -e prefix ]
}

@test "a prefix that cannot be written to is refused before anything is built" {
	source_tarball 23.11.1
	mkdir ro
	local user=()
	[ "$(id -u)" -eq 0 ] || user=(--map-root-user)
	# shellcheck disable=SC2016
	run --separate-stderr unshare -m "${user[@]}" bash -euc '
		mount --bind ro ro && mount -o remount,bind,ro ro
		exec "$MANAKIN" dpdk install --no-packages --tarball dpdk-23.11.1.tar.xz --prefix "$PWD/ro/opt/dpdk"'
	[ "$status" -eq 1 ]
	[[ $stderr == *"cannot install in $PWD/ro/opt/dpdk: Read-only file system; "*"choose another place" ]]
	[[ $stderr != *Compiling* ]]
}

# installation VERSION [HEADERS] - what there is of a DPDK that can be compiled with, in prefix/
installation() {
	mkdir -p prefix/lib64/pkgconfig prefix/include/dpdk
	printf 'Name: DPDK\nVersion: %s\n' "$1" >prefix/lib64/pkgconfig/libdpdk.pc
	[ -z "${2-}" ] || touch prefix/include/dpdk/ethdev_driver.h
}

@test "driver: what is missing is told before anything is built" {
	run --separate-stderr dpdk driver --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"no DPDK to compile with is installed in $PWD/prefix: it has no libdpdk.pc; "* ]]
	installation 21.11.2 headers
	run --separate-stderr dpdk driver --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"the DPDK in $PWD/prefix is 21.11.2, and the driver needs 22.11 or newer; 'manakin dpdk install'"* ]]
	rm -r prefix
	installation 24.11.1
	run --separate-stderr dpdk driver --prefix "$PWD/prefix"
	[ "$status" -eq 1 ]
	[[ $stderr == *"the DPDK 24.11.1 in $PWD/prefix was installed without the headers that drivers need (ethdev_driver.h)"* ]]
	run --separate-stderr dpdk driver --prefix "$PWD/prefix" --headers "$PWD"
	[ "$status" -eq 1 ]
	[[ $stderr == *"$PWD has no ethdev_driver.h"* ]]
	installation 24.11.1 headers
	run --separate-stderr dpdk driver --prefix "$PWD/prefix" --output "$PWD/nowhere/x.so"
	[ "$status" -eq 1 ]
	[[ $stderr == *"cannot put the driver into $PWD/nowhere: No such file"*"--output names another place" ]]
	[ ! -e nowhere ]
}

@test "driver: --dry-run prints the commands, in JSON too, and does nothing" {
	installation 24.11.1 headers
	run -0 dpdk driver --prefix "$PWD/prefix" --dry-run
	[[ $output == *"meson setup -Donly_driver=true -Ddpdk_headers=$PWD/prefix/include/dpdk --pkg-config-path $PWD/prefix/lib64/pkgconfig "*"ninja -C "*"mv -T -- "*" $PWD/prefix/lib64/manakin/librte_net_manakin.so"* ]]
	[ ! -e prefix/lib64/manakin ]
	dpdk driver --prefix "$PWD/prefix" --dry-run --json >out
	"$SCHEMA" dpdk-driver out
	[ "$(python3 -c 'import json; o = json.load(open("out")); print(o["version"], o["driver"], o["commands"][2][0])')" = \
		"24.11.1 $PWD/prefix/lib64/manakin/librte_net_manakin.so ninja" ]
}

@test "driver: a compiler's error is shown, and the driver that is there stays" {
	installation 24.11.1 headers
	mkdir prefix/lib64/manakin
	echo old >prefix/lib64/manakin/librte_net_manakin.so
	run --separate-stderr dpdk driver --prefix "$PWD/prefix"
	[ "$status" -eq 1 ] && [ -z "$output" ]
	[[ $stderr == *"env exited with status 1; its last output:"*libdpdk* ]] # pkg-config's
	printf 'Description: nothing can be compiled with it\nlibdir=/nowhere\n' >>prefix/lib64/pkgconfig/libdpdk.pc
	run --separate-stderr dpdk driver --prefix "$PWD/prefix"
	[ "$status" -eq 1 ] && [ -z "$output" ]
	[[ $stderr == *"exited with status 1; its last output:"* ]]
	[ "$(cat prefix/lib64/manakin/*)" = old ]
	[ "$(ls prefix/lib64/manakin)" = librte_net_manakin.so ]
}

# refused STATUS TEXT ARGUMENT...
refused() {
	local wanted=$1 text=$2
	shift 2
	run --separate-stderr dpdk "$@"
	echo "status $status, said: $stderr"
	[ "$status" -eq "$wanted" ] && [ -z "$output" ] && [[ $stderr == *"$text"* ]]
}

@test "invalid arguments are refused" {
	refused 2 "give --release V or --tarball FILE" install
	refused 2 "--release 23.11 needs --sha256" install --release 23.11
	refused 2 "--release 23.11 needs --sha256" install --version 23.11
	refused 2 "--release 23.11 needs --sha256" install --version=23.11
	refused 2 "is not a release" install --release "23.11; reboot"
	refused 2 "hexadecimal digits" install --tarball x --sha256 abc
	refused 2 "absolute path" install --tarball x --prefix here
	refused 2 "is not a list" install --tarball x --drivers '$(reboot)'
	refused 1 "cannot read nowhere: No such file" install --tarball nowhere
	refused 2 "absolute path" driver --prefix here
	refused 2 "absolute path" driver --headers here
	refused 2 "absolute path of a file" driver --output /opt/
	refused 2 "name the prefix that it was installed in" uninstall
	refused 1 "there is no record" uninstall "$PWD"
}

@test "a damaged record removes nothing, nor does one that leads out of the prefix" {
	mkdir -p prefix/share/manakin
	touch prefix/a outside
	printf 'manakin dpdk 23.11\nf a\nf ../outside\n' >prefix/share/manakin/dpdk-installed
	refused 1 "is damaged; nothing was removed" uninstall prefix
	printf 'f a\n' >prefix/share/manakin/dpdk-installed
	refused 1 "is damaged" uninstall prefix
	printf 'manakin dpdk 23.11\nf a' >prefix/share/manakin/dpdk-installed
	refused 1 "is damaged" uninstall prefix
	printf 'manakin dpdk 23.11\nf /etc/hostname\n' >prefix/share/manakin/dpdk-installed
	refused 1 "is damaged" uninstall prefix
	[ -e prefix/a ] && [ -e outside ]
	printf 'manakin dpdk 23.11\nd share\nd share/manakin\nf a\nf gone\n' >prefix/share/manakin/dpdk-installed
	run -0 dpdk uninstall prefix
	[ "$output" = "1 files were removed from prefix" ]
	[ -z "$(files)" ]
}

@test "uninstall follows no symbolic link below the prefix, and removes nothing behind one" {
	mkdir -p prefix/share/manakin prefix/lib outside/dpdk
	touch outside/kept outside/dpdk/kept prefix/lib/gone
	printf 'manakin dpdk 23.11\nf lib/gone\nf evil/kept\nd evil/dpdk\n' >prefix/share/manakin/dpdk-installed
	ln -s "$PWD/outside" prefix/evil
	refused 1 "evil/kept is not removed: a directory on the way to it is now a symbolic link" uninstall prefix
	[ -e outside/kept ] && [ -e prefix/share/manakin/dpdk-installed ]
	# Once the link is gone, the rest is removed.
	rm prefix/evil
	run -0 dpdk uninstall prefix
	[ -d outside/dpdk ]
	# The record itself is not read through a link, nor is a file that the record is a link to.
	mkdir -p elsewhere/manakin other
	printf 'manakin dpdk 23.11\nf mine\n' >elsewhere/manakin/dpdk-installed
	touch other/mine
	ln -s "$PWD/elsewhere" other/share
	refused 1 "symbolic link below the prefix, which is not followed; nothing was removed" uninstall other
	rm other/share
	mkdir -p other/share/manakin
	ln -s "$PWD/elsewhere/manakin/dpdk-installed" other/share/manakin/
	refused 1 "symbolic link" uninstall other
	[ -e other/mine ] && [ -e elsewhere/manakin/dpdk-installed ]
	# A link that is itself in the record is removed, not what it points to.
	rm other/share/manakin/dpdk-installed
	ln -s "$PWD/outside/kept" other/link
	printf 'manakin dpdk 23.11\nf link\n' >other/share/manakin/dpdk-installed
	run -0 dpdk uninstall other
	[ ! -h other/link ] && [ -e outside/kept ]
	# Without openat2() it is the same; test-base-beneath runs all of it both ways.
}

@test "install puts nothing through a symbolic link below the prefix" {
	source_tarball 23.11.1
	mkdir -p prefix outside
	ln -s "$PWD/outside" prefix/lib
	run --separate-stderr install_it --drivers net/mana
	[ "$status" -eq 1 ]
	[[ $stderr == *"/prefix/lib is a symbolic link or a file, and nothing is installed through a link"* ]]
	[ -z "$(ls outside)" ]
	[ "$(files)" = prefix/lib ]
}
