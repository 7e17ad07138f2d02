/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef FRAME_H
#define FRAME_H

/**
 * @file
 * Frames whose bytes are known at both ends: Ethernet, IPv4, UDP (TCP where the frame is to be
 * segmented), then bytes that depend on the frame's number. For the driver's side: knows no DPDK.
 */

#include <stdbool.h>
#include <stdint.h>

/** 45 segments of 1448 bytes: what a Linux guest sends as "64 KiB". */
#define FRAME_TSO_LEN (66 + 45 * 1448)
#define FRAME_MAX     FRAME_TSO_LEN
/** Numbers of frames count modulo this. */
#define FRAME_NUMBERS 4096

#define FRAME_L2_LEN 14
#define FRAME_L3_LEN 20
#define FRAME_L4_LEN 32 /**< TCP with timestamps */
#define FRAME_MSS    1448

struct frame_kind {
	uint32_t len;
	bool tso;
};

/** Write bytes [@p off, @p off + @p len) of frame @p number. */
void frame_write(
	const struct frame_kind *k, uint32_t number, uint32_t off, uint8_t *p, uint32_t len);
/** True if they are at @p p. */
bool frame_check(
	const struct frame_kind *k, uint32_t number, uint32_t off, const uint8_t *p, uint32_t len);

#endif /* FRAME_H */
