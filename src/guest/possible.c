/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest/possible.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "term/options.h"
#include "term/say.h"
#include "term/value.h"

error_t guest_kind_possible(const struct guest_kind *kind)
{
	if (kind->pages_kb == 16 && kind->arch != GUEST_ARM64)
		return say_usage(
			"--pages 16k: kernels for %s have pages of 4 KiB; add --arch arm64",
			guest_arch_names[kind->arch]);
	if (kind->pages_kb == 16 && kind->kernel)
		return say_usage("--kernel %s contradicts --pages 16k, which names a kernel too; "
				 "use one of them",
				 kind->kernel);
	return 0;
}

/** tap_possible() - is it there? */
static error_t tap_possible(const char *tap)
{
	char path[64];

	if (strlen(tap) > 15 || strpbrk(tap, "/, \t\n"))
		return value_bad("virtio-tap", tap, "the name of an interface");
	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", tap);
	if (access(path, F_OK) < 0)
		return say_usage("--virtio-tap %s: there is no such tap; create it first: "
				 "ip tuntap add %s mode tap",
				 tap, tap);
	return 0;
}

error_t guest_possible(const struct run_options *options)
{
	struct stat status;

	if (options->share && (stat(options->share, &status) < 0 || !S_ISDIR(status.st_mode)))
		return say_usage("--share %s: there is no such directory; create it first",
				 options->share);
	if (guest_kind_possible(&options->kind))
		return EINVAL;
	if (options->accel == ACCEL_KVM && options->kind.arch != guest_arch_here())
		return say_usage("KVM runs guests of this machine's architecture, %s, and not of "
				 "%s; omit --accel",
				 guest_arch_names[guest_arch_here()],
				 guest_arch_names[options->kind.arch]);
	if (options->netvsc && options->kind.arch != GUEST_AMD64)
		return say_usage("--netvsc: guests of %s have no synthetic interfaces; "
				 "use --arch amd64",
				 guest_arch_names[options->kind.arch]);
	if (options->netvsc && options->kind.kernel)
		return say_usage("--netvsc: only the guest's own kernel has synthetic interfaces; "
				 "omit --kernel");
	if (options->accel == ACCEL_KVM && !guest_kvm_works(options->kind.arch))
		return say_usage("KVM does not work here (no /dev/kvm, no permission to open it, "
				 "or no hardware virtualization); omit --accel");
	if (options->bare && options->n_adapters)
		return say_usage("--no-device contradicts --device and --attach; use one of them");
	if (options->bare && options->netvsc)
		return say_usage(
			"--no-device contradicts --netvsc, whose cards belong to an adapter; "
			"use one of them");
	if (options->root_ports && options->netvsc)
		return say_usage("--root-port contradicts --netvsc, whose VFs are on the root bus; "
				 "use one of them");
	return options->tap ? tap_possible(options->tap) : 0;
}

char **guest_command_words(char **words, int n)
{
	static char shell[] = "/bin/bash", dash_c[] = "-c";
	static char *script[] = { shell, dash_c, NULL, NULL };

	if (n > 1)
		return words;
	script[2] = words[0];
	return script;
}
