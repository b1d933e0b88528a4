# SPDX-License-Identifier: BSD-3-Clause
#
# Turn the driver headers of DPDK 22.11 into those of 24.11: add the new members of structures in
# their places. Members that this project's driver leaves empty are void pointers here.

# ethdev_pci.h: a macro was renamed, and adds the line feed itself
s/RTE_ETHDEV_LOG(/RTE_ETHDEV_LOG_LINE(/
/NULL pointer eth_dev=/s/\\n"/"/
/not allocated on local NUMA node/s/\\n"/"/

# ethdev_driver.h, struct rte_eth_dev
/^\teth_rx_descriptor_status_t rx_descriptor_status;/a\	eth_tx_queue_count_t tx_queue_count;
/^\teth_tx_descriptor_status_t tx_descriptor_status;/a\	void *since_23_11[2];
/^\tconst struct eth_dev_ops \*dev_ops;/a\	const void *since_24_11;

# struct eth_dev_ops
/^\teth_link_update_t /a\	void *speed_lanes_since_24_11[3];
/^\teth_txq_info_get_t /a\	void *recycle_since_23_11;
/^\teth_timesync_adjust_time /a\	void *adjust_freq_since_24_11;
/^\teth_cman_config_get_t /a\	void *since_23_03[2];\
	void *restore_since_24_11;
