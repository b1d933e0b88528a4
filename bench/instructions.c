/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench/instructions.c - a plugin for QEMU's user emulation: instructions between the entry of one
 * function and the return to another, on any architecture. See docs/performance.md.
 *
 *	qemu-ARCH -plugin libinstructions.so,enter=FUNCTION,leave=FUNCTION -d plugin PROGRAM
 *
 * Everything counts that the first function calls, the C library included. At the end it prints how
 * many calls there were, and how many instructions they took. One thread may be in the function.
 *
 * Debian has no header for plugins: what is needed of QEMU's docs/devel/tcg-plugins.rst (7.2,
 * version 1 of the interface) is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PLUGIN_VERSION 1
#define NO_REGISTERS   0 /* QEMU_PLUGIN_CB_NO_REGS */

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
const char *qemu_plugin_insn_symbol(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
					   void (*call)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*call)(unsigned int cpu, void *data), int flags,
					    void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*call)(plugin_id id, void *data),
				    void *data);
void qemu_plugin_outs(const char *text);

extern int qemu_plugin_version;
int qemu_plugin_version = PLUGIN_VERSION;
int qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc, char **argv);

static char enter[64], leave[64];
static bool inside;
static uint64_t calls, instructions;

static void on_enter(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	calls += !inside;
	inside = true;
	instructions++;
}

static void on_leave(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	inside = false;
}

static void on_other(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	instructions += inside;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const char *symbol = qemu_plugin_insn_symbol(insn);
		void (*call)(unsigned int cpu, void *data) = on_other;

		if (symbol && !strcmp(symbol, enter))
			call = on_enter;
		else if (symbol && !strcmp(symbol, leave))
			call = on_leave;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, call, NO_REGISTERS, NULL);
	}
}

static void at_exit(plugin_id id, void *data)
{
	char text[128];

	(void)id;
	(void)data;
	snprintf(text, sizeof(text), "%" PRIu64 " calls of %s, %" PRIu64 " instructions\n", calls,
		 enter, instructions);
	qemu_plugin_outs(text);
}

__attribute__((visibility("default"))) int
qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "enter=", 6))
			snprintf(enter, sizeof(enter), "%s", argv[i] + 6);
		else if (!strncmp(argv[i], "leave=", 6))
			snprintf(leave, sizeof(leave), "%s", argv[i] + 6);
	}
	if (!*enter || !*leave)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, at_exit, NULL);
	return 0;
}
