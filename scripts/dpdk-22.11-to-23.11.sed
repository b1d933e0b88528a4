# SPDX-License-Identifier: BSD-3-Clause
#
# Turn the driver headers of DPDK 22.11 into those of 23.11, which Ubuntu 24.04 has: add the new members
# of structures in their places. Members that this project's driver leaves empty are void pointers here.

# ethdev_driver.h, struct rte_eth_dev
/^\teth_tx_descriptor_status_t tx_descriptor_status;/a\	void *since_23_11[2];

# struct eth_dev_ops
/^\teth_txq_info_get_t /a\	void *recycle_since_23_11;
/^\teth_cman_config_get_t /a\	void *since_23_03[2];
