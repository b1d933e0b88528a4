# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# manakin check on machines made of files (trees/), verdict by verdict. Their rdma-core is this
# machine's own. The kernel's answers over netlink are those of Linux 6.12, recorded in a guest.
# MANAKIN is the program, TREES makes machines, PROVIDER_ID changes a provider's driver id,
# SCHEMA is schema.py.

bats_require_minimum_version 1.5.0
load ../../assert
load check

@test "an Azure VM: all is well, except for the interface that has yet to be handed over" {
	machine one
	check 1
	says 'ok linux - Ubuntu 24.04.1 LTS, kernel 6.8.0-1020-azure'
	says 'ok azure - an Azure VM'
	says 'ok adapter 7870:00:00.0 a MANA VF, driver mana, 2 ports'
	says 'ok kernel - 6.8.0-1020-azure has both drivers of MANA'
	for module in mana mana_ib ib_uverbs hv_netvsc; do
		says "ok module $module loaded"
	done
	says "ok module uio_hv_generic available; 'manakin setup' loads it"
	says 'ok image - Ubuntu 24.04.1 LTS is not on the guide.s list'
	says 'ok rdma-core - version [0-9]+ '
	says 'ok rdma-provider - .*libmana-rdmav.* claims driver id 20'
	says "ok rdma-device mana_0 the kernel's driver id 20 belongs to the provider mana"
	says 'ok interface eth0 eth0 and its VF enP30832s1 are up; the default route or this SSH session uses it: it stays'
	says 'warning interface eth1 eth1 and its VF enP30832s1d1 are up .* \| sudo manakin setup eth1'
	says 'ok dpdk /usr 24.11, with net_mana and net_netvsc, shared'
	says 'ok hugepages node 0, 2 MB 1024, of which 1024 are free'
	says 'ok hugetlbfs - /dev/hugepages, for pages of 2 MB'
	says 'unknown memlock'
	says 'unknown files'
	says 'ok failsafe'
	fails
}

# kernel VERSION-LINE [SIGNATURE] - what /proc says of the running kernel
kernel() {
	echo "Linux version $1" >"$ROOT/proc/version"
	rm -f "$ROOT/proc/version_signature"
	[ $# -eq 1 ] || echo "$2" >"$ROOT/proc/version_signature"
}

@test "a kernel whose uio_hv_generic is known to crash is warned of, whatever the kernel calls itself" {
	machine one
	kernel '6.12.57+deb13-amd64 (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC Debian 6.12.57-1 (2025-11-05)'
	check 1
	says "warning kernel-bugs uio_hv_generic known bug of kernel 6.12.57\\+deb13-amd64: it crashes when DPDK's netvsc uses more than one queue \\[uio-subchannel-interrupt\\] \\| boot a kernel with the fix: 6.12.59 or later"
	fails
	kernel '6.1.0-41-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC Debian 6.1.158-1 (2025-11-09)'
	check 1
	says 'warning kernel-bugs uio_hv_generic known bug of kernel 6.1.0-41-cloud-amd64: .* fix: 6.1.159 or later'
	kernel '6.6.40.1-1.azl3 (root@CBL-Mariner) #1 SMP'
	check 1
	says 'warning kernel-bugs uio_hv_generic .*\[uio-rescind\] .* 6.6.51 or later'
	rm -r "$ROOT/proc/version" "$ROOT/proc/sys/kernel/osrelease"
	check 1
	says "unknown kernel-bugs - the kernel's version cannot be read"
}

@test "a kernel that carries the mend, or a number that says nothing, is not warned of" {
	machine one
	kernel '6.1.0-42-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 (2025-12-30)'
	check 1
	says 'ok kernel-bugs - no bug of 6.1.0-42-cloud-amd64 is known that a setup leads to'
	kernel '6.8.0-1020-azure (buildd@lcy02-amd64-037) (x86_64-linux-gnu-gcc-13) #23-Ubuntu SMP' 'Ubuntu 6.8.0-1020.23-azure 6.8.12'
	check 1
	says 'unknown kernel-bugs - the number of 6.8.0-1020-azure does not tell which fixes of stable releases it has'
	kernel '5.15.0-1102-azure (buildd@lcy02-amd64-037) (gcc 11.4.0) #111-Ubuntu SMP' 'Ubuntu 5.15.0-1102.111-azure 5.15.195'
	check 1
	says 'unknown kernel-bugs uio_hv_generic Linux 5.15.195, which kernel 5.15.0-1102-azure is built from, has a known bug: .*\[uio-subchannel-interrupt\]; its number does not tell'
	kernel '5.14.0-427.13.1.el9_4.x86_64 (mockbuild@x86-64-01) #1 SMP PREEMPT_DYNAMIC'
	check 1
	says 'unknown kernel-bugs - the number of 5.14.0-427.13.1.el9_4.x86_64 does not tell'
}

@test "an interface that was named must be down; the one that carries SSH stays with the kernel" {
	machine one
	check 2 eth1
	says 'fail interface eth1 eth1 and its VF enP30832s1d1 are up; both must be down .* \| sudo manakin setup eth1'
	fails interface
	check 2 enP30832s1d1
	says 'fail interface eth1'
	check 2 eth0
	says 'fail interface eth0 .* give DPDK another interface \| -'
}

@test "handed over" {
	machine taken
	check 0
	says 'ok interface .* handed over: uio_hv_generic has its VMBus device'
	says 'ok module uio_hv_generic loaded'
	check 0 60:45:bd:a6:bd:76
}

@test "the guide's images" {
	machine ubuntu2004
	check 1
	says 'ok image - Ubuntu 20.04.6 LTS is on'
	says 'ok kernel - 5.15.0-1045-azure has both drivers of MANA, backported'
	machine ubuntu2204
	check 1
	says 'ok image - Ubuntu 22.04.3 LTS is on'
	machine rhel89
	check 1
	says 'ok image - Red Hat Enterprise Linux 8.9 .* is on'
	says 'ok kernel - 4.18.0-513.* backported'
	machine rhel94
	check 1
	says 'ok image - Red Hat Enterprise Linux 9.4 .* is on'
}

@test "the guide's images with a kernel that is too old, and without mana_ib" {
	machine ubuntu2204
	mv "$ROOT"/lib/modules/5.15.0-1045-azure "$ROOT"/lib/modules/5.15.0-1030-azure
	echo 5.15.0-1030-azure >"$ROOT/proc/sys/kernel/osrelease"
	check 1
	says 'warning image - Ubuntu 22.04.3 LTS is on the guide.s list from kernel 5.15.0-1045-azure on; this is 5.15.0-1030-azure \| sudo apt-get install linux-azure'
	rm -r "$ROOT/sys/module/mana_ib"
	sed -i /mana_ib/d "$ROOT"/lib/modules/*/modules.dep
	check 2
	says 'fail kernel - 5.15.0-1030-azure is older than 6.2, .* has no backport of it; another kernel of .* has it \| sudo apt-get install linux-azure && sudo reboot'
	says 'fail module mana_ib missing in kernel 5.15.0-1030-azure.* \| sudo apt-get install linux-azure'
	fails kernel module
}

@test "modules: missing, available, built in" {
	machine one
	rm -r "$ROOT"/sys/module/{mana_ib,ib_uverbs}
	sed -i /uio_hv_generic/d "$ROOT"/lib/modules/*/modules.dep
	sed -i /ib_uverbs/d "$ROOT"/lib/modules/*/modules.dep
	echo kernel/drivers/infiniband/core/ib_uverbs.ko >"$(echo "$ROOT"/lib/modules/*)/modules.builtin"
	check 2
	says 'fail module mana_ib not loaded: .* \| sudo modprobe mana_ib'
	says 'ok module ib_uverbs built into the kernel'
	says 'warning module uio_hv_generic missing .*--pmd mana.*so it was removed \| sudo apt-get install --reinstall linux-modules-\$\(uname -r\)$'
	fails module
}

# system ID VERSION KERNEL [OPTION...] - the tree's distribution and its kernel, whose configuration has these options
system() {
	local was
	was=$(cat "$ROOT/proc/sys/kernel/osrelease")
	printf 'ID=%s\nVERSION_ID="%s"\nPRETTY_NAME="%s %s"\n' "$1" "$2" "$1" "$2" >"$ROOT/etc/os-release"
	[ "$was" = "$3" ] || mv "$ROOT/lib/modules/$was" "$ROOT/lib/modules/$3"
	echo "$3" >"$ROOT/proc/sys/kernel/osrelease"
	mkdir -p "$ROOT/boot"
	printf 'CONFIG_PCI=y\n%s\n' "${@:4}" >"$ROOT/boot/config-$3"
}

# without MODULE... - the tree's kernel does not have them
without() {
	local module
	for module; do
		sed -i "/\/$module\.ko/d" "$ROOT"/lib/modules/*/modules.dep
		rm -rf "$ROOT/sys/module/$module"
	done
}

@test "a missing mana_ib: the command of the distribution brings it, or it says which ones have it" {
	machine one
	without mana_ib
	system debian 12 6.1.0-18-cloud-amd64
	check 2
	says 'fail kernel - 6.1.0-18-cloud-amd64 is older than 6.2, .* no backport of it; another kernel of debian 12 has it \| sudo apt-get install -t bookworm-backports linux-image-cloud-amd64 && sudo reboot'
	says 'fail module mana_ib .* \| sudo apt-get install -t bookworm-backports'
	system azurelinux 3.0 6.6.121.1-1.azl3
	check 2
	says 'fail kernel - 6.6.121.1-1.azl3 is new enough, .*; no kernel of azurelinux 3.0 has it; kernels that have it: Debian 12, 13; Ubuntu .*24.04, 26.04; RHEL 8, 9, 10; SLES .* \| -$'
	run ! says '.*apt-get'
	system rhel 9.4 5.14.0-427.13.1.el9_4.x86_64
	check 2
	says 'fail module mana_ib .*; rhel 9.4 has it in another package \| sudo dnf install kernel-modules-\$\(uname -r\)'
	system rocky 9.2 5.14.0-284.30.1.el9_2.x86_64
	check 2
	says 'fail kernel - .*; another kernel of rocky 9.2 has it \| sudo dnf install kernel kernel-modules && sudo reboot'
	system arch '' 6.17.1-arch1-1
	check 2
	says 'fail kernel - .*; which kernel of .* has it is not known; kernels that have it: Debian .* \| -$'
}

@test "no libmana in the distribution's rdma-core: it is to be built, or another release has it" {
	machine one
	rm "$ROOT/etc/libibverbs.d/mana.driver" "$ROOT$PROVIDERS"/libmana*
	system ubuntu 22.04 6.8.0-1020-azure
	check 2
	says "fail rdma-provider - no file in .*; no package of ubuntu 22.04 has libmana; those of these have: Debian 12, 13; Ubuntu 24.04, 26.04; RHEL 8, 9; Azure Linux 3; .* \| build rdma-core 44 or later"
	system azurelinux 3.0 6.6.121.1-1.azl3
	check 2
	says 'fail rdma-provider - no file in [^;]* will not load it \| sudo tdnf install rdma-core libibverbs'
}

@test "the data file of packages: it is missing, or has a mistake" {
	machine one
	without mana_ib
	echo nonsense >"$BATS_TEST_TMPDIR/packages"
	MANAKIN_PACKAGES=/no/such/file check 2
	says 'unknown image - which packages have what is missing cannot be told: cannot read the packages in /no/such/file: No such file'
	says 'fail kernel - .* without the InfiniBand driver mana_ib \| -$'
	MANAKIN_PACKAGES=$BATS_TEST_TMPDIR/packages check 2
	says "unknown image - .*/packages:1: expected 'Field: value', a comment, or an empty line"
}

# kernel_log LINE... - what the kernel says of the adapter
kernel_log() {
	mkdir -p "$ROOT/var/log"
	printf '[    3.121514] %s\n' "$@" >"$ROOT/var/log/dmesg"
}

@test "a VF without a driver: this kernel has none" {
	machine driverless
	without mana mana_ib
	system azurelinux 3.0 6.6.100.mshv1-1.azl3 '# CONFIG_MICROSOFT_MANA is not set'
	check 2
	says 'fail adapter 7870:00:00.0 a MANA VF without a driver: kernel 6.6.100.mshv1-1.azl3 was built without it \(CONFIG_MICROSOFT_MANA is not set\); another kernel of azurelinux 3.0 has it; accelerated networking is on \| sudo tdnf install kernel && sudo reboot'
	says 'warning interface eth1 has no VF that can be seen while the adapter 7870:00:00.0 has no driver'
	run ! says '.*(az network nic|modprobe mana)'
	system ubuntu 24.04 6.8.0-45-generic CONFIG_MICROSOFT_MANA=m
	check 2
	says 'fail adapter 7870:00:00.0 .*: kernel 6.8.0-45-generic has no module mana; a kernel of ubuntu 24.04 that has it can be installed; .* \| sudo apt-get install linux-azure && sudo reboot'
	mv "$ROOT/lib/modules/6.8.0-45-generic" "$ROOT/lib/modules/6.8.0-46-generic"
	check 2
	says "fail adapter 7870:00:00.0 .*: mana is not loaded, and /lib/modules has other kernels' modules, .* not those of 6.8.0-45-generic \\| sudo reboot"
	says "fail kernel - /lib/modules has other kernels' modules, .* \\| sudo reboot"
	rm -r "$ROOT/lib/modules"
	check 2
	says 'fail adapter 7870:00:00.0 .*: mana is not loaded, and there is no /lib/modules/6.8.0-45-generic .* \| -'
}

@test "a VF without a driver: mana is not loaded, or kept from it" {
	machine driverless
	check 2
	says 'fail adapter 7870:00:00.0 .*: the module mana is there but not loaded \| sudo modprobe mana$'
	says 'fail rdma-device 7870:00:00.0 .*, as mana does not drive it \| -'
	mkdir -p "$ROOT/etc/modprobe.d"
	printf 'blacklist floppy\nblacklist mana_ib\n' >"$ROOT/etc/modprobe.d/blacklist.conf"
	check 2
	says 'fail adapter 7870:00:00.0 .* not loaded \| sudo modprobe mana$'
	says "fail module mana_ib not loaded, as /etc/modprobe.d/blacklist.conf has 'blacklist mana_ib': .* \| sudo sed -i '/\^blacklist  \*mana_ib.b/d' /etc/modprobe.d/blacklist.conf && sudo modprobe mana_ib$"
	echo 'install mana /bin/false' >"$ROOT/etc/modprobe.d/no-mana.conf"
	check 2
	says "fail adapter 7870:00:00.0 .*: the module mana is there, but /etc/modprobe.d/no-mana.conf has 'install mana /bin/false' \| sudo sed .*no-mana.conf && sudo modprobe mana$"
	rm -r "$ROOT/etc/modprobe.d"
	sed -i 's/$/ module_blacklist=mana,floppy/' "$ROOT/proc/cmdline"
	check 2
	says "fail adapter 7870:00:00.0 .*, but /proc/cmdline has 'module_blacklist=mana' \| remove module_blacklist=mana from the kernel's command line"
}

# loaded MODULE... - the tree's kernel has loaded them
loaded() {
	local module
	for module; do
		mkdir -p "$ROOT/sys/module/$module"
		echo live >"$ROOT/sys/module/$module/initstate"
	done
}

@test "a VF without a driver: mana's probe failed, and why" {
	machine driverless
	loaded mana
	check 2
	says "fail adapter 7870:00:00.0 .*: mana is loaded but does not drive it; why is in the kernel's log, which cannot be read here: No such file"
	system rhel 9.6 5.14.0-570.12.1.el9_6.x86_64
	check 2
	says 'fail adapter 7870:00:00.0 .*: the mana of kernel 5.14.0-570.12.1.el9_6.x86_64 is too old for this host.s adapter \(newer hosts are known to refuse it\); .* \| sudo dnf install kernel kernel-modules && sudo reboot'
	kernel_log 'mana 7870:00:00.0: enabling device (0000 -> 0002)'
	check 2
	says 'fail adapter 7870:00:00.0 .*; it was unbound \| echo 7870:00:00.0 \| sudo tee /sys/bus/pci/drivers/mana/bind'
	kernel_log 'mana 7870:00:00.0: HWC: Failed hw_channel req: 0xc00000bb' 'mana 7870:00:00.0: gdma probe failed: err = -71'
	system ubuntu 22.04 6.2.0-1018-azure
	check 2
	says 'fail adapter 7870:00:00.0 .*: the mana of kernel 6.2.0-1018-azure is too old for this host.s adapter \(kernel log: mana 7870:00:00.0: HWC: Failed hw_channel req: 0xc00000bb\); .* \| sudo apt-get install linux-azure && sudo reboot'
	kernel_log 'mana 7870:00:00.0: HWC: Request timed out: 30000 ms' 'mana 7870:00:00.0: gdma probe failed: err = -110'
	check 2
	says 'fail adapter 7870:00:00.0 .*: the adapter did not answer mana .* \| sudo reboot; .*az vm redeploy'
	run ! says '.*(refused|too old)'
	kernel_log 'mana 7870:00:00.0: Command 0x13 failed with status: 0x1d' 'mana 7870:00:00.0: probe with driver mana failed with error -71'
	check 2
	says 'fail adapter 7870:00:00.0 .*: the adapter refused a command of mana with status 0x1d '
	kernel_log 'mana 7870:00:00.0: gdma probe failed: err = -12'
	check 2
	says 'fail adapter 7870:00:00.0 .*: mana found no memory .* \| echo 1 \| sudo tee /proc/sys/vm/compact_memory'
	kernel_log 'mana: probe of 7870:00:00.0 failed with error -5'
	check 2
	says "fail adapter 7870:00:00.0 .*: mana's probe failed with Input/output error "
	kernel_log 'mana 7871:00:00.0: gdma probe failed: err = -12'
	check 2
	says 'fail adapter 7870:00:00.0 .*; it was unbound'
}

@test "a VF without a driver: it is reserved for another" {
	machine driverless
	echo vfio-pci >"$ROOT/sys/bus/pci/devices/7870:00:00.0/driver_override"
	check 2
	says 'fail adapter 7870:00:00.0 .*: it is reserved for vfio-pci \(driver_override\).* \| echo \| sudo tee /sys/bus/pci/devices/7870:00:00.0/driver_override && echo 7870:00:00.0 \| sudo tee /sys/bus/pci/drivers_probe'
}

@test "no VF: accelerated networking is off, on, or the host took the VF away" {
	local vf=56474d52-7870-0000-8000-000000000001 device
	machine off
	check 2
	says 'fail adapter - no PCI device 1414:00ba, and the host offers none over VMBus: accelerated networking is off, or .* \| az network nic update --accelerated-networking true'
	fails adapter
	kernel_log 'hv_netvsc f8615163-0000-1000-2000-6045bda6bbc0 eth0: VF slot 1 added'
	check 2
	says "fail adapter - no PCI device 1414:00ba: accelerated networking is on .* offers no PCI device .* \| sudo reboot; "
	kernel_log 'hv_netvsc f8615163-0000-1000-2000-6045bda6bbc0 eth0: VF slot 1 added' \
		'hv_netvsc f8615163-0000-1000-2000-6045bda6bbc0 eth0: VF slot 1 removed'
	check 2
	says 'fail adapter - no PCI device 1414:00ba: the host took the VF away .* \| if it does not come back'
	run ! says '.*az network nic'
	# The host offers one.
	machine driverless
	device=$(readlink -f "$ROOT/sys/bus/vmbus/devices/$vf")
	rm -r "$ROOT/sys/bus/pci/devices/7870:00:00.0" "$device/pci7870:00/7870:00:00.0"
	check 2
	says "fail adapter - no PCI device 1414:00ba: accelerated networking is on, but behind VMBus device $vf there is no PCI function; .* \| if it does not come back"
	rm "$device/driver"
	without pci-hyperv
	check 2
	says "fail adapter - no PCI device 1414:00ba: the host offers one \(VMBus device $vf\), but kernel 6.8.0-1020-azure has no pci-hyperv"
	echo kernel/drivers/pci/controller/pci-hyperv.ko: >>"$(echo "$ROOT"/lib/modules/*/modules.dep)"
	check 2
	says "fail adapter - no PCI device 1414:00ba: the host offers one .* does not have it; .* \| sudo modprobe pci-hyperv"
}

# nothing_of_the_hosts - no fix is a command for a machine
nothing_of_the_hosts() {
	run ! grep -w sudo "$BATS_TEST_TMPDIR/findings"
}

@test "in a pod: what it was not given, as lines of its spec; what is the host's" {
	machine pod
	check 2
	says 'ok container - a pod of Kubernetes \(/etc/hosts is the runtime.s\); kernel, modules, adapter, hugepages and interfaces are the host.s'
	says 'ok container capabilities CAP_NET_RAW'
	says 'fail container /dev/infiniband/uverbs0 not in this container: .* \| securityContext: \{privileged: true\} with volumes: .*path: /dev/infiniband'
	says 'unknown rdma-device mana_0 /dev/infiniband/uverbs0 is not there, and without it libibverbs looks for no provider'
	says 'fail hugepages cgroup /sys/fs/cgroup/hugetlb.2MB.max allows 0 MB in pages of 2 MB, .* \| resources: \{limits: \{hugepages-2Mi: '
	says 'fail hugetlbfs - none is mounted in the container .* \| volumes: \[\{name: hugepages, emptyDir: \{medium: HugePages\}\}\]'
	says 'ok image - Debian GNU/Linux 13 \(trixie\) in the container; .* this kernel is of Ubuntu'
	says 'ok kernel - 6.8.0-1020-azure has both drivers'
	says 'unknown module uio_hv_generic not loaded; whether kernel .* has it cannot be seen here'
	fails container hugepages hugetlbfs
	nothing_of_the_hosts
	# What it asks for, it gets.
	mkdir -p "$ROOT/dev/infiniband" "$ROOT/dev/hugepages"
	: >"$ROOT/dev/infiniband/uverbs0"
	echo 1073741824 | tee "$ROOT"/sys/fs/cgroup/hugetlb.2MB{,.rsvd}.max
	echo 'nodev /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0' >>"$ROOT/proc/mounts"
	check 1
	says 'ok container /dev/infiniband/uverbs0 in this container'
	says 'ok hugepages cgroup .* allows 1024 MB in pages of 2 MB, of which 0 are used'
	says 'warning interface eth1 .* \| on the host: manakin setup eth1'
	fails
	nothing_of_the_hosts
	# Used up: there is a limit on what is reserved, too.
	echo 1000000000 >"$ROOT/sys/fs/cgroup/hugetlb.2MB.rsvd.current"
	check 1
	says 'warning hugepages cgroup /sys/fs/cgroup/hugetlb.2MB.rsvd.max allows 1024 MB .* of which 953 are used'
}

@test "in a pod: capabilities, network, modules and packages that are missing" {
	machine pod
	printf 'CapEff:\t0000000000000000\n' >"$ROOT/proc/self/status"
	rm -r "$ROOT"/sys/module/mana_ib "$ROOT"/usr/lib/x86_64-linux-gnu/libibverbs.so.1* \
		"$ROOT"/usr/lib/x86_64-linux-gnu/librte_* "$ROOT"/usr/lib/x86_64-linux-gnu/dpdk
	check 2
	says 'fail container capabilities no CAP_NET_RAW: .* \| securityContext: \{capabilities: \{add: \[NET_RAW\]\}\}'
	says 'unknown kernel - 6.8.0-1020-azure is the host.s, and a container does not see its modules'
	says 'fail rdma-core - .* \| in the image: apt-get install rdma-core ibverbs-providers'
	says 'fail dpdk - .* \| in the image: manakin dpdk install'
	nothing_of_the_hosts
	for interface in eth0 eth1 enP30832s1 enP30832s1d1; do
		there ip link delete "$interface"
	done
	find "$ROOT/sys/devices" -name net -type d -prune -exec rm -r {} +
	rm -r "$ROOT/sys/class/net"
	check 2
	says 'fail container 7870:00:00.0 its interfaces are not in this network namespace, .* \| hostNetwork: true'
	nothing_of_the_hosts
	# No driver: whose it is, and not how to load it
	rm "$ROOT/sys/bus/pci/devices/7870:00:00.0/driver"
	rm -r "$ROOT/sys/module/mana"
	check 2
	says 'fail adapter 7870:00:00.0 .* the host.s kernel 6.8.0-1020-azure has not loaded mana'
	nothing_of_the_hosts
}

@test "docker, podman and LXC have lines of their own; a VM with /.dockerenv is no container" {
	machine pod
	sed -i s:/var/lib/kubelet/pods/.*/etc-hosts:/var/lib/docker/containers/3f1d/hosts: "$ROOT/proc/self/mountinfo"
	sed -i /termination-log/d "$ROOT/proc/self/mountinfo"
	check 2
	says 'ok container - a container of Docker '
	says 'fail container /dev/infiniband/uverbs0 .* \| docker run --device=/dev/infiniband'
	says 'fail hugetlbfs - .* \| docker run --volume=/dev/hugepages:/dev/hugepages'
	says 'fail hugepages cgroup .* \| docker run --cgroup-parent='
	nothing_of_the_hosts
	sed -i s:/docker/containers/3f1d:/containers/storage/overlay-containers/3f1d/userdata: "$ROOT/proc/self/mountinfo"
	check 2
	says 'ok container - a container of Podman '
	says 'fail container /dev/infiniband/uverbs0 .* \| podman run --device=/dev/infiniband'
	sed -i /etc-hosts/d\;/hosts/d "$ROOT/proc/self/mountinfo"
	mkdir -p "$ROOT/proc/1"
	printf 'PATH=/bin\0container=lxc\0' >"$ROOT/proc/1/environ"
	check 2
	says 'ok container - a container of LXC \(PID 1 says container=lxc\)'
	says 'fail container /dev/infiniband/uverbs0 .* \| lxc.mount.entry = /dev/infiniband'
	nothing_of_the_hosts
	machine one
	: >"$ROOT/.dockerenv"
	mkdir -p "$ROOT/proc/2"
	echo kthreadd >"$ROOT/proc/2/comm"
	check 1
	run ! says '.* container '
	rm -r "$ROOT/proc/2"
	check 2
	says 'ok container - a container of Docker \(it has /.dockerenv\)'
}

# hugetlb - the hierarchy that the kernel's controller is in (0 is that of version 2), and its cgroups
hugetlb() {
	awk '$1 == "hugetlb" { print $2, $3 }' /proc/cgroups
}

# mounted - where version 1 of it is mounted
mounted() {
	awk '$3 == "cgroup" && "," $4 "," ~ /,hugetlb,/ { print $2 }' /proc/mounts
}

# taken - do others use the controller in version 2?
taken() {
	unshare -m -- bash -euc 'mount -t cgroup2 none "$0"; grep -qw hugetlb "$0/cgroup.subtree_control"' "$BATS_TEST_TMPDIR/cgroup"
}

# in_cgroup VERSION FILE - check, for real, in a cgroup of that version whose FILE says 0: no hugepages of 2 MB.
# For the one who holds the lock
in_cgroup() {
	# A wait within ends first, and says what for; so does one of leave()
	timeout -k $((PATIENCE + 20)) $((PATIENCE + 20)) unshare -m -- bash -euc '
		eval "$5"
		at=$1 version=$2 file=$3 before=
		read -r hierarchy _ < <(hugetlb)
		freed() {
			[[ $(hugetlb) == "$hierarchy 1" ]]
		}
		leave() {
			echo $$ >"$at/cgroup.procs"
			[ ! -d "$at/manakin-test" ] || rmdir "$at/manakin-test"
			if [ "$version" = 2 ]; then
				[[ " $before " == *" hugetlb "* ]] || echo -hugetlb >"$at/cgroup.subtree_control"
			elif [ -n "$own" ]; then
				# Unmounted before its last cgroup is freed, which is some time after rmdir, the hierarchy would stay.
				await freed
			fi
			umount "$at"
		}
		if [ "$version" = 2 ]; then
			# What is mounted nowhere, with no cgroups, ends when it is unmounted once more.
			[ "$hierarchy" = 0 ] || { mount -t cgroup -o hugetlb none "$at" && umount "$at"; }
			mount -t cgroup2 none "$at"
			# The controller comes back from version 1 some time after umount.
			await grep -qw hugetlb "$at/cgroup.controllers"
			before=$(<"$at/cgroup.subtree_control")
			trap leave EXIT
			echo +hugetlb >"$at/cgroup.subtree_control"
		else
			own=
			[ "$hierarchy" != 0 ] || own=yes
			# Of several places, check would name another one. This namespace alone loses them.
			mounted | xargs -r umount
			# It leaves version 2 when its last cgroup there is freed.
			await mount -t cgroup -o hugetlb none "$at"
			read -r hierarchy _ < <(hugetlb)
			trap leave EXIT
		fi
		mkdir -p "$at/manakin-test"
		echo 0 >"$at/manakin-test/$file"
		echo $$ >"$at/manakin-test/cgroup.procs"
		"$MANAKIN" check --json >"$4" || [ $? -le 2 ]
	' bash "$BATS_TEST_TMPDIR/cgroup" "$1" "$2" "$BATS_TEST_TMPDIR/json" \
		"PATIENCE=$PATIENCE; $(declare -f fail await hugetlb mounted)"
	"$BATS_TEST_DIRNAME/../../lines.py" findings "$BATS_TEST_TMPDIR/json" >"$BATS_TEST_TMPDIR/findings"
	cat "$BATS_TEST_TMPDIR/findings"
}

@test "this machine: a cgroup that allows no hugepages, of version 2 and of version 1" {
	local hierarchy cgroups
	mkdir "$BATS_TEST_TMPDIR/cgroup"
	# The machine has one controller: one such test at a time, from its first look to its last
	exec 9>>/tmp/manakin-test-hugetlb
	flock -w "$PATIENCE" 9 || fail 'another such test goes on: /tmp/manakin-test-hugetlb'
	read -r hierarchy cgroups < <(hugetlb)
	if [[ $hierarchy != 0 && ($cgroups -gt 1 || -n $(mounted)) ]]; then
		echo '# version 1 alone: this machine itself has the controller hugetlb there' >&3
	else
		in_cgroup 2 hugetlb.2MB.max
		says "fail hugepages cgroup $BATS_TEST_TMPDIR/cgroup/manakin-test/hugetlb.2MB.max allows 0 MB in pages of 2 MB, .* \| echo max \| sudo tee"
	fi
	if taken; then
		echo '# version 2 alone: this machine itself has cgroups with the controller hugetlb there' >&3
	else
		in_cgroup 1 hugetlb.2MB.limit_in_bytes
		says "fail hugepages cgroup $BATS_TEST_TMPDIR/cgroup/manakin-test/hugetlb.2MB.limit_in_bytes allows 0 MB in pages of 2 MB, .* \| echo -1 \| sudo tee"
	fi
}

@test "this machine: a namespace with a pod's /etc/hosts is a pod" {
	local pods=$BATS_TEST_TMPDIR/kubelet/pods/0e7c5a1e
	mkdir -p "$pods"
	cp /etc/hosts "$pods/etc-hosts"
	run unshare -m -- bash -euc 'mount --bind "$1/etc-hosts" /etc/hosts; "$MANAKIN" check --json || [ $? -le 2 ]' bash "$pods"
	[ "$status" -eq 0 ]
	[[ $output == *'a pod of Kubernetes (/etc/hosts is the runtime'* && $output != *'sudo '* ]]
}

@test "an older VM with Mellanox's adapter" {
	machine mlx5
	check 2
	says 'ok azure'
	says 'fail adapter - no PCI device 1414:00ba; this VM has a Mellanox adapter'
	fails adapter
	check 2 eth0
	says 'fail interface eth0 eth0 is not a MANA interface'
}

@test "a bare-metal server" {
	machine metal
	check 2
	says "warning azure - Supermicro SYS-1029P-WTR, not an Azure VM; .*'manakin device'"
	says 'fail adapter - no PCI device 1414:00ba'
	run ! says '.* module hv_netvsc'
	fails adapter
}

@test "not Linux: WSL, Windows; an empty tree" {
	machine one
	echo 5.15.153.1-microsoft-standard-WSL2 >"$ROOT/proc/sys/kernel/osrelease"
	check 2
	says 'fail linux - kernel 5.15.153.1-microsoft-standard-WSL2 is the Windows Subsystem for Linux'
	rm "$ROOT/proc/sys/kernel/osrelease"
	check 1
	says 'unknown linux'
	says 'unknown kernel'
	mkdir -p "$ROOT/Windows/System32"
	check 2
	says 'fail linux - this is Windows'
}

@test "the guide's mismatch: the kernel's driver id is another provider's" {
	machine one
	claims mana 21
	claims erdma 20
	check 2
	says "fail rdma-device mana_0 libibverbs will pick erdma: the kernel reports driver id 20 for this device; rdma-core's provider mana claims id 21, and erdma claims that one \| use the kernel and the rdma-core of one distribution"
	fails rdma-device
	claims erdma 19
	check 2
	says "fail rdma-device mana_0 libibverbs will pick no provider: .* id 20 for this device; .* claims id 21 \|"
	rm "$ROOT/netlink-rdma"
	check 1
	says 'unknown rdma-device mana_0 .* tree'
	base64 -d <<<"$NETLINK" | head -c 150 >"$ROOT/netlink-rdma"
	check 1
	says 'unknown rdma-device mana_0'
}

@test "rdma-core: none, too old, without the provider, with that of another version" {
	machine one
	rm -r "$ROOT"/usr/lib/x86_64-linux-gnu/libibverbs.so.1*
	check 2
	says 'fail rdma-core - libibverbs.so.1 is not installed: .* \| sudo apt-get install rdma-core ibverbs-providers'
	fails rdma-core
	rdma_core
	for file in "$ROOT"/usr/lib/x86_64-linux-gnu/libibverbs.so.1.*; do
		mv "$file" "$ROOT/usr/lib/x86_64-linux-gnu/libibverbs.so.1.14.39.0"
	done
	ln -sf libibverbs.so.1.14.39.0 "$ROOT/usr/lib/x86_64-linux-gnu/libibverbs.so.1"
	check 1
	says 'ok rdma-core - version 39 .* is older than 44, but has the provider mana'
	rm "$ROOT/etc/libibverbs.d/mana.driver"
	check 2
	says 'fail rdma-core - version 39 .* is older than 44 and has no provider mana'
	says "fail rdma-provider - no file in /etc/libibverbs.d says 'driver mana'"
	echo 'driver mana' >"$ROOT/etc/libibverbs.d/mana.driver"
	for file in "$ROOT$PROVIDERS"/libmana-rdmav*.so; do
		mv "$file" "${file%/*}/libmana-rdmav33.so"
	done
	check 2
	says 'fail rdma-provider - /etc/libibverbs.d names mana, but there is no libmana-rdmav[0-9]+.so in .*/libibverbs'
}

@test "no RDMA device; another driver on the adapter, or none" {
	machine one
	rm -r "$ROOT/sys/class/infiniband"
	check 2
	says 'fail rdma-device 7870:00:00.0 the adapter has no RDMA device'
	machine one
	dir=$(echo "$ROOT"/sys/devices/*/*/*/*/*/pci7870:00/7870:00:00.0)
	[ -d "$dir" ] || dir=$(find "$ROOT/sys/devices" -type d -name 7870:00:00.0)
	rm "$dir/driver"
	check 2
	says "fail adapter 7870:00:00.0 a MANA VF without a driver: mana is loaded but does not drive it; why is in the kernel's log"
	mkdir -p "$ROOT/sys/bus/pci/drivers/uio_pci_generic"
	ln -s "$ROOT/sys/bus/pci/drivers/uio_pci_generic" "$dir/driver"
	check 2
	says 'fail adapter 7870:00:00.0 a MANA VF bound to the driver uio_pci_generic; .* \| echo 7870:00:00.0 .*uio_pci_generic/unbind.*mana/bind'
}

@test "DPDK: none, too old, without net_mana, without net_netvsc, two of them" {
	machine one
	rm -r "$ROOT"/usr/lib/x86_64-linux-gnu/librte_* "$ROOT"/usr/lib/x86_64-linux-gnu/dpdk
	check 2
	says 'fail dpdk - DPDK is not installed; 22.11 or later with net_mana .* \| sudo manakin dpdk install'
	fails dpdk
	dpdk 22.0 net_netvsc bus_vmbus
	check 2
	says 'fail dpdk /usr 21.11, which cannot drive MANA: it is older than 22.11'
	dpdk 23.0 net_netvsc bus_vmbus
	check 2
	says 'fail dpdk /usr 22.11, which cannot drive MANA: it has no net_mana.* \| sudo manakin dpdk install'
	fails dpdk
	mkdir -p "$ROOT/usr/local/lib/x86_64-linux-gnu"
	cp -a "$ROOT"/usr/lib/x86_64-linux-gnu/{dpdk,librte_eal.so.23.0} "$ROOT/usr/local/lib/x86_64-linux-gnu/"
	: >"$ROOT/usr/local/lib/x86_64-linux-gnu/librte_net_mana.so.23"
	check 1
	says 'ok dpdk /usr 22.11, which cannot drive MANA'
	says 'warning dpdk /usr/local 22.11, with net_mana but without net_netvsc: .*--pmd mana'
}

# pages NODE KIB TOTAL FREE
pages() {
	local dir=$ROOT/sys/devices/system/node/node$1/hugepages/hugepages-$2kB
	mkdir -p "$dir"
	echo "$3" >"$dir/nr_hugepages"
	echo "$4" >"$dir/free_hugepages"
}

@test "hugepages: none, in use, few, on the wrong node, of 1 GB" {
	machine one
	pages 0 2048 0 0
	check 2
	says 'fail hugepages - no hugepages of any size .* \| echo 1024 \| sudo tee /sys/devices/system/node/node\*/hugepages/hugepages-2048kB/nr_hugepages'
	fails hugepages
	pages 0 2048 1024 0
	check 1
	# More than there are, not so many
	says 'warning hugepages - all are in use.*\$\(\(\$\(cat \$n\) \+ 512\)\) \| sudo tee'
	pages 0 2048 1024 20
	check 1
	says 'warning hugepages - only 40 MB are free.*\$\(\(\$\(cat \$n\) \+ 512\)\) \| sudo tee'
	pages 0 2048 0 0
	pages 1 2048 1024 1024
	check 1
	says 'warning hugepages node 0 no free hugepages on this node, where the adapter 7870:00:00.0 is.* \| n=.*node0/.*\+ 512'
	pages 1 2048 0 0
	pages 0 1048576 2 2
	check 2
	says 'ok hugepages node 0, 1 GB 2, of which 2 are free'
	says 'fail hugetlbfs - none is mounted for a page size that has hugepages'
	echo 'none /mnt/huge hugetlbfs rw,pagesize=1024M 0 0' >>"$ROOT/proc/mounts"
	check 1
	says 'ok hugetlbfs - /mnt/huge, for pages of 1 GB'
	sed -i 's/ rw,/ ro,/' "$ROOT/proc/mounts"
	check 2
	says 'fail hugetlbfs - this user may not write to /mnt/huge'
	sed -i /hugetlbfs/d "$ROOT/proc/mounts"
	check 2
	says 'fail hugetlbfs - none is mounted; .* \| sudo mkdir -p /dev/hugepages && sudo mount -t hugetlbfs'
}

# process PID NAME - it runs
process() {
	mkdir -p "$ROOT/proc/$1"
	echo "$2" >"$ROOT/proc/$1/comm"
}

# index INTERFACE - the kernel's number
index() {
	there ip -o link show dev "$1" | cut -d: -f1
}

# networkd INTERFACE STATE - as systemd-networkd 257 writes it
networkd() {
	mkdir -p "$ROOT/run/systemd/netif/links"
	printf '# This is private data. Do not parse.\nADMIN_STATE=%s\nOPER_STATE=routable\n' "$2" \
		>"$ROOT/run/systemd/netif/links/$(index "$1")"
}

# networkmanager INTERFACE [LINE...] - as NetworkManager 1.52 writes it; nothing for one that it leaves alone
networkmanager() {
	local file
	file=$ROOT/run/NetworkManager/devices/$(index "$1")
	mkdir -p "$ROOT/run/NetworkManager/devices"
	shift
	printf '%s\n' "$@" >"$file"
}

@test "what manages the network: none, those that are there, and what they do with each interface" {
	machine one
	check 1
	says 'ok manager - there is no NetworkManager, systemd-networkd or cloud-init'
	mkdir -p "$ROOT/run/cloud-init" "$ROOT/run/NetworkManager"
	check 1
	says 'ok manager - NetworkManager does not run now'
	says 'ok manager - cloud-init may configure interfaces that appear'
	: >"$ROOT/run/cloud-init/disabled"
	process 700 NetworkManager
	process 701 systemd-network
	networkmanager eth0 '[device]' managed=true connection-uuid=5eb4da26-5d1d-30a5-8747-80181ed055fa
	networkmanager eth1
	networkd eth0 unmanaged
	networkd eth1 configured
	check 1
	says 'ok manager eth0 NetworkManager manages it, until'
	says 'ok manager eth1 NetworkManager leaves it alone'
	says 'ok manager eth0 systemd-networkd leaves it alone'
	says 'ok manager eth1 systemd-networkd manages it, until'
	! says '.* cloud-init'
}

@test "an interface that is handed over while a manager may set it up again: a warning, and setup fixes it" {
	machine taken
	process 700 NetworkManager
	networkmanager enP30832s1d1 '[device]' managed=true
	check 1
	says 'warning manager [^ ]+ NetworkManager manages enP30832s1d1, and may set it up while DPDK uses the port \| sudo manakin setup'
	networkmanager enP30832s1d1
	check 0 60:45:bd:a6:bd:76
	says 'ok manager [^ ]+ NetworkManager leaves it alone'
}

@test "files of managers that are cut, empty, large or of other states: no verdict is worse for them" {
	machine one
	process 701 systemd-network
	local state
	for state in '' linger "$(printf 'x%.0s' {1..300})"; do
		networkd eth1 "$state"
		check 1
		says 'ok manager eth1 systemd-networkd leaves it alone'
	done
	head -c 70000 /dev/zero | tr '\0' '\n' >"$ROOT/run/systemd/netif/links/$(index eth1)"
	check 1
	says 'ok manager eth1'
	for state in pending initialized configuring configured failed; do
		networkd eth1 "$state"
		check 1
		says 'ok manager eth1 systemd-networkd manages it'
	done
}

@test "queues and descriptors, from options and from testpmd's arguments" {
	machine one
	check 1 --descriptors 128
	says 'ok descriptors - 128 per queue'
	check 2 --descriptors 32
	says 'fail descriptors - 32 per queue are too few: net_mana needs at least 64 \| use --txd=64 --rxd=64'
	check 2 -- -l 1 -- --txd=128 --rxd 100
	says 'fail descriptors - 100 per queue: net_mana accepts only multiples of 64 \| use --txd=64'
	fails descriptors
	check 1 --queues 8
	says '(ok|unknown) queues eth1'
}

@test "the failsafe and vdev_netvsc drivers: in arguments, and in a process" {
	machine one
	check 1 -- '--vdev=net_vdev_netvsc0,iface=eth1' -- --stats 2
	says 'warning failsafe arguments --vdev=net_vdev_netvsc0,iface=eth1: .* \| manakin args eth1'
	mkdir -p "$ROOT/proc/815"
	printf '/usr/bin/dpdk-testpmd\0-l\0001-3\0--vdev\0net_failsafe0,dev(7870:00:00.0)\0--\0' >"$ROOT/proc/815/cmdline"
	mkdir -p "$ROOT/proc/816"
	printf 'grep\0net_failsafe\0log\0' >"$ROOT/proc/816/cmdline"
	check 1
	says 'warning failsafe dpdk-testpmd \(815\) --vdev=net_failsafe0.* \| manakin args IFACE'
	run ! says '.* failsafe grep'
}

@test "two adapters, four ports on one bus address, two RDMA devices" {
	machine two
	check 1
	says 'ok adapter 7870:00:00.0 .* 2 ports'
	says 'ok adapter 7871:00:00.0 .* 2 ports'
	says 'ok hugepages node 1, 2 MB'
	machine four
	check 2 eth1 eth2
	says 'ok adapter 7870:00:00.0 .* 4 ports'
	says 'fail interface eth1'
	says 'fail interface eth2'
	run ! says '.* interface eth3'
	machine newer
	check 1
	says 'ok rdma-device mana_0'
	says 'unknown rdma-device manae_0'
}

@test "a table for people: verdicts in words, the fix below" {
	machine one
	status=0
	there "$MANAKIN" check --sysroot "$ROOT" >"$BATS_TEST_TMPDIR/table" || status=$?
	cat "$BATS_TEST_TMPDIR/table"
	[ "$status" -le 2 ]
	grep -qE '^ok +linux +Ubuntu' "$BATS_TEST_TMPDIR/table"
	grep -qE '^MANA with DPDK (can|will not) work here' "$BATS_TEST_TMPDIR/table"
	run ! grep -q $'\033' "$BATS_TEST_TMPDIR/table"
	# On a terminal sentences are wrapped between words; commands are not, so that they can be copied.
	there script -qec "stty cols 100; $MANAKIN check --sysroot $ROOT" /dev/null | tr -d '\r' |
		sed $'s/\033[^m]*m//g; s/ *$//' >"$BATS_TEST_TMPDIR/narrow" || true
	cat "$BATS_TEST_TMPDIR/narrow"
	run ! grep -vE '^.{0,100}$|^ +-> ' "$BATS_TEST_TMPDIR/narrow"
	grep -qE "^ok +image +Ubuntu 24.04.1 LTS is not on the guide's list, which is not\$" "$BATS_TEST_TMPDIR/narrow"
	tr -s ' \n' ' ' <"$BATS_TEST_TMPDIR/narrow" | grep -q "is not exhaustive: RHEL 8.9, 9.4, Ubuntu 20.04, 22.04 with 5.15"
}

# refused TEXT ARGUMENT... - wrong usage: one message, and status 64
refused() {
	local text=$1
	shift
	run --separate-stderr there timeout -s KILL "$PATIENCE" "$MANAKIN" check "$@"
	[ "$status" -eq 64 ] || { echo "status $status"; return 1; }
	# shellcheck disable=SC2154
	[[ -z $output && $stderr == *"$text"* ]] || { echo "$stderr"; return 1; }
}

@test "wrong usage is status 64, with the next step" {
	machine four
	refused "no-such-interface" --sysroot "$ROOT" no-such-interface
	refused "all its ports share; name a port" --sysroot "$ROOT" 7870:00:00.0
	refused "'0' is not a number from 1 to 65535" --queues 0
	refused "'many' is not a number from 1 to 65535" --descriptors many
	refused "/no/such/tree" --sysroot /no/such/tree
	refused "unknown option '--frobnicate'" --frobnicate
}

@test "this machine: root is not required, and nothing is started" {
	run timeout -s KILL "$PATIENCE" setpriv --reuid=65534 --clear-groups "$MANAKIN" check
	echo "$output"
	[ "$status" -le 2 ]
	[[ $output == *"MANA with DPDK"* ]]
	strace -f -e trace=execve -o "$BATS_TEST_TMPDIR/trace" "$MANAKIN" check >/dev/null || [ $? -le 2 ]
	[ "$(grep -c 'execve(' "$BATS_TEST_TMPDIR/trace")" -eq 1 ]
}
