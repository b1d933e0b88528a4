/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli/dpdk.h - the parts of manakin dpdk.
 */
#ifndef MANAKIN_CLI_DPDK_H
#define MANAKIN_CLI_DPDK_H

/** dpdk_install_command() - build and install DPDK as the guide does; an exit status */
int dpdk_install_command(int argc, char **argv);

/** dpdk_uninstall_command() - take away what dpdk_install_command() has installed */
int dpdk_uninstall_command(int argc, char **argv);

#endif
