/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_ERRORS_H
#define VN_ERRORS_H

/**
 * @file
 * The controller's own error numbers (contract, section 6), beside the negated Linux ones.
 *
 * Row n of the table has the number -(999 + n): numbers are frozen with the rows, new rows go to
 * the end. Numbers above -1000 are negated Linux error numbers. Any thread.
 */

/** X(row, name, "text"): the one table of numbers, names and texts. */
#define VN_ERRORS(X)                                                                            \
	X(1, FEATURES_CHECK, "Failed to check device features")                                 \
	X(2, DEV_NOT_FOUND, "Failed to find device")                                            \
	X(3, NOT_HOTPLUG, "Failed - Device is not a hotplug device")                            \
	X(4, NOT_STARTED, "Failed - Device is not started")                                     \
	X(5, DRIVER_LOADED, "Failed - Virtio driver should not be loaded")                      \
	X(6, EPOLL_ADD, "Failed to add to epoll")                                               \
	X(7, ID_MAX, "Failed - ID is above the maximum")                                        \
	X(8, VUID, "Failed - VUID is invalid")                                                  \
	X(9, MAC, "Failed - MAC is invalid")                                                    \
	X(10, MSIX, "Failed - MSIX is invalid")                                                 \
	X(11, MTU, "Failed - MTU is invalid")                                                   \
	X(12, PORT_CTX, "Failed to find port context")                                          \
	X(13, RECOVERY_LOAD, "Failed to load config from recovery file")                        \
	X(14, RECOVERY_SAVE, "Failed to save config into recovery file")                        \
	X(15, RECOVERY_CREATE, "Failed to create recovery file")                                \
	X(16, RECOVERY_MAC_DELETE, "Failed to delete MAC in recovery file")                     \
	X(17, RECOVERY_MAC_LOAD, "Failed to load MAC from recovery file")                       \
	X(18, RECOVERY_MAC_SAVE, "Failed to save MAC into recovery file")                       \
	X(19, RECOVERY_MQ_SAVE, "Failed to save MQ into recovery file")                         \
	X(20, RECOVERY_PF_NUM_LOAD, "Failed to load PF number from recovery file")              \
	X(21, RECOVERY_RX_MODE_SAVE, "Failed to save RX mode into recovery file")               \
	X(22, RECOVERY_PF_SF_SAVE, "Failed to save PF and SF number into recovery file")        \
	X(23, RECOVERY_SF_NUM_LOAD, "Failed to load SF number from recovery file")              \
	X(24, SF_MAC_FLOW, "Failed to apply MAC flow by SF")                                    \
	X(25, SF_MQ_UPDATE, "Failed to update MQ by SF")                                        \
	X(26, SF_RX_MODE_SET, "Failed to set RX mode by SF")                                    \
	X(27, EMU_DEV_OPEN, "Failed to open emulation device control")                          \
	X(28, CROSS_MKEY, "Failed to create cross mkey")                                        \
	X(29, DMA_Q, "Failed to create DMA queue")                                              \
	X(30, EMU_DEV_QUERY, "Failed to query emulation device")                                \
	X(31, EMU_DEV_MODIFY, "Failed to modify emulation device")                              \
	X(32, HOTPLUG, "Failed to hotplug PF")                                                  \
	X(33, VQ_PERIOD, "Failed to update VQ period")                                          \
	X(34, QUEUE_SIZE, "Failed - Queue size is invalid")                                     \
	X(35, SF_PORT_ADD, "Failed to add SF port")                                             \
	X(36, WORKQUEUE_ALLOC, "Failed to alloc work queue")                                    \
	X(37, ETH_VQ_OP_ALLOC, "Failed to alloc data VQ operation")                             \
	X(38, ETH_VQ_OP_COMPLETE, "Failed to complete data VQ operation")                       \
	X(39, JSON_OBJ, "Failed - JSON object does not exist")                                  \
	X(40, DEV_LOAD_PREPARE, "Failed to prepare device load")                                \
	X(41, SW_MIGRATION, "Failed to migrate device in software")                             \
	X(42, MIGRATING, "Failed - Device is migrating")                                        \
	X(43, QUEUE_SIZE_POW2, "Error - Queue size must be greater than 2 and a power of 2")    \
	X(44, NOT_WORKING, "Warning - Device will not work with this setting, do not probe it") \
	X(45, SF_POOL_CREATING, "SF pool is being created, try again later")                    \
	X(46, DST_PORT_RULE, "Failed to set destination port rule")                             \
	X(47, NOT_SUPPORTED, "Option is not supported")                                         \
	X(48, SF_CREATE, "Failed to create SF")                                                 \
	X(49, SF_NUM_RANGE, "SF number for hotplug must be between 2000 and 2999")              \
	X(50, SF_NUM_USED, "SF number is already in use")                                       \
	X(51, QUEUE_INDEX, "Queue index is invalid")                                            \
	X(52, SPEED, "Speed is invalid, see help for the supported speeds")                     \
	X(53, HASH_TYPE, "Hash type is invalid, see help for the supported types")              \
	X(54, RSS_KEY_SIZE, "RSS key size is invalid, supported size is 40")                    \
	X(55, RECOVERY_OFFLOADS_SAVE, "Failed to save OFFLOADS into recovery file")             \
	X(56, SF_OFFLOADS_UPDATE, "Failed to update OFFLOADS by SF")                            \
	X(57, READLINK, "Failed to readlink")                                                   \
	X(58, PATH_FORMAT, "Error - Path format is invalid")                                    \
	X(59, Q_COUNTER_ALLOC, "Failed to alloc q counter")                                     \
	X(60, DIRTY_LOG_SAVE, "Failed to save dirty log")                                       \
	X(61, DIRTY_LOG_DELETE, "Failed to delete dirty log")                                   \
	X(62, LM_STATUS_SAVE, "Failed to save LM status")                                       \
	X(63, LM_STATUS_FIND, "Failed to found LM status record")                               \
	X(64, DEV_MODE_SAVE, "Failed to save dev mode")                                         \
	X(65, DEV_MODE_FIND, "Failed to found dev mode record")                                 \
	X(66, UNPLUG_NOT_READY,                                                                 \
		"Error - Device is not ready to be unplugged please check host and retry")      \
	X(67, RECOVERY_MAC_TABLE_DELETE, "Failed to delete MAC table in recovery file")         \
	X(68, RECOVERY_MAC_TABLE_LOAD, "Failed to load MAC table from recovery file")           \
	X(69, RECOVERY_MAC_TABLE_SAVE, "Failed to save MAC table into recovery file")           \
	X(70, RECOVERY_HASH_DELETE, "Failed to delete hash cfg in recovery file")               \
	X(71, RECOVERY_HASH_LOAD, "Failed to load hash cfg from recovery file")                 \
	X(72, RECOVERY_HASH_SAVE, "Failed to save hash cfg into recovery file")                 \
	X(73, VF_DEV_GET, "Failed to get VF device")                                            \
	X(74, QUEUES, "Failed - QUEUES is invalid")                                             \
	X(75, DEBUGFS_SAVE, "Failed to save into debugfs file")                                 \
	X(76, DEBUGFS_DELETE, "Failed to delete from debugfs file")

/** VIRTNET_ERR_MTU and the like: negative numbers, ready to be returned. */
#define VN_ERRORS_ENUM(row, name, text) VIRTNET_ERR_##name = -(999 + (row)),
enum vn_error { VN_ERRORS(VN_ERRORS_ENUM) };
#undef VN_ERRORS_ENUM

/** Rows of the table. */
#define VN_ERRORS_ROWS 76

/**
 * The text of any negative error number: of the table, or the C library's for a Linux one; 0 is
 * "Success". The string is constant.
 */
const char *vn_error_text(int error);

/** "VIRTNET_ERR_MTU", or NULL for a number that is not of the table. */
const char *vn_error_name(int error);

#endif /* VN_ERRORS_H */
