/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/rnic_pair.h - commands of the RDMA device about queue pairs.
 */
#ifndef MANAKIN_DEVICE_RNIC_PAIR_H
#define MANAKIN_DEVICE_RNIC_PAIR_H

#include "device/command.h"

uint32_t rnic_create_rc_qp(struct adapter *adapter, struct command *command);
uint32_t rnic_create_uc_qp(struct adapter *adapter, struct command *command);
uint32_t rnic_create_ud_qp(struct adapter *adapter, struct command *command);
uint32_t rnic_destroy_qp(struct adapter *adapter, struct command *command);
uint32_t rnic_set_qp_state(struct adapter *adapter, struct command *command);

/** rnic_pairs_reset() - destroy all */
void rnic_pairs_reset(struct adapter *adapter);

/** rnic_pairs_count() - add their counters, in the order of struct rnic_query_vf_counters_resp */
void rnic_pairs_count(struct adapter *adapter, uint64_t *counters);

#endif
