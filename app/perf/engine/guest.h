/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef GUEST_H
#define GUEST_H

/**
 * @file
 * A guest: its memory and one queue pair, laid out as bench_case says (cases.h). Both devices that
 * are compared map this memory and serve these rings, in turn. Driver's side: knows no DPDK.
 */

#include <stdbool.h>
#include <stdint.h>

#include "cases.h"
#include "driver.h"

/** Where guest memory begins. */
#define GUEST_GPA UINT64_C(0x100000000)

struct guest {
	struct bench_case c;
	int memfd;
	uint8_t *base; /**< the guest's own mapping */
	uint64_t size;
	uint64_t used_bytes; /**< handed out, from the beginning */
	struct drv_ring tx, rx;
	uint64_t desc_gpa[2], driver_gpa[2], device_gpa[2]; /**< [0]: rx, [1]: tx */
	uint32_t rx_buffers;                                /**< chains that a frame takes */
	/**
	 * The device that has it writes num_buffers without MRG_RXBUF, too, as it has to
	 * (virtio 1.2, 5.1.6.4.1). rte_vhost does not where it works on batches of packed
	 * descriptors.
	 */
	bool num_buffers;
	uint32_t received;  /**< frames since guest_reset() */
	uint32_t looked_at; /**< of rx.reaped: chains of frames that are whole */
	const char *error;  /**< the first thing that was wrong since guest_reset() */
};

/** Make the memory of a guest. @return 0 or negative errno. */
int guest_open(struct guest *g);
void guest_close(struct guest *g);
/** Lay it out for the case @p c. No device has it. @return 0 or negative errno. */
int guest_prepare(struct guest *g, const struct bench_case *c);

/** Fresh rings; all receive buffers are posted. */
void guest_reset(struct guest *g);

/** Send a burst: write headers and first bytes, post. */
void guest_send(struct guest *g);
/** Take chains back that were sent. @return frames. */
uint32_t guest_sent(struct guest *g);
/**
 * Take received frames and post their buffers again: length and virtio-net header are looked at.
 * @param verify each byte, too: number n of the frames since guest_reset() has to be frame
 *   n % @p numbers.
 * @return frames.
 */
uint32_t guest_receive(struct guest *g, bool verify, uint32_t numbers);

/** What guest_send() and guest_receive() do to memory beside the rings, for chain @p i. */
void guest_touch_tx(struct guest *g, uint32_t i);
void guest_touch_rx(const struct guest *g, uint32_t i);

#endif /* GUEST_H */
