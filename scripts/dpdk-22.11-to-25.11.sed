# SPDX-License-Identifier: BSD-3-Clause
#
# Turn the driver headers of DPDK 22.11 into those of 25.11, which Ubuntu 26.04 has: those of 24.11
# (dpdk-22.11-to-24.11.sed explains them), and what has changed since.

# ethdev_pci.h
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
/^\teth_xstats_get_names_by_id_t /a\	void *xstats_enable_since_25_11[3];
/^\teth_cman_config_get_t /a\	void *since_23_03[2];\
	void *restore_since_24_11;

# The counters of single queues, which rte_config.h and struct rte_eth_stats no longer have
s/^\t*struct rte_eth_stats \*igb_stats);/struct rte_eth_stats *stats, struct eth_queue_stats *queues);/
/^typedef int (\*eth_stats_get_t)/i\
#define RTE_ETHDEV_QUEUE_STAT_CNTRS 16\
struct eth_queue_stats {\
	uint64_t q_ipackets[RTE_ETHDEV_QUEUE_STAT_CNTRS];\
	uint64_t q_opackets[RTE_ETHDEV_QUEUE_STAT_CNTRS];\
	uint64_t q_ibytes[RTE_ETHDEV_QUEUE_STAT_CNTRS];\
	uint64_t q_obytes[RTE_ETHDEV_QUEUE_STAT_CNTRS];\
	uint64_t q_errors[RTE_ETHDEV_QUEUE_STAT_CNTRS];\
};

# bus_pci_driver.h: the exported name has no number
s/^RTE_PMD_EXPORT_NAME(nm, __COUNTER__)/RTE_PMD_EXPORT_NAME(nm)/

# dev_driver.h: what usertools/dpdk-pmdinfo.py reads; from rte_dev.h, which applications see
/^#endif .* DEV_DRIVER_H /i\
#define RTE_PMD_EXPORT_SYMBOL(type, name) __attribute__((used)) type name\
#define RTE_PMD_EXPORT_NAME(name) \\\
	RTE_PMD_EXPORT_SYMBOL(const char, this_pmd_name##name)[] = RTE_STR(name)\
#define RTE_PMD_REGISTER_PCI_TABLE(name, table) \\\
	RTE_PMD_EXPORT_SYMBOL(const char, __##name##_pci_tbl_export)[] = RTE_STR(table)\
#define RTE_PMD_REGISTER_PARAM_STRING(name, str) \\\
	RTE_PMD_EXPORT_SYMBOL(const char, __##name##_param_string_export)[] = str
