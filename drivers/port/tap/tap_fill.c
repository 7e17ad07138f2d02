/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the kernel straight into a driver's receive buffers. Not the header: that is checked
 * in private memory first.
 */
#include <errno.h>
#include <sys/uio.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "vn_virtq.h"
#include "vn_virtq_fill.h"

#include "tap_private.h"

/* Is it worth a try, and possible? */
static bool
begin(struct vn_port_queue *q, struct vn_virtq *rx, struct vn_fill *f)
{
	uint16_t offered;

	if (q->last_len < q->fill_min)
		return false;
	/* Too few buffers do not get more without the driver. */
	offered = vn_virtq_offered(rx);
	if (q->few && q->few_at == offered)
		return false;
	q->few = false;
	q->few_at = offered;
	return vn_virtq_fill_begin(rx, f, VN_MAX_FRAME);
}

uint16_t
tap_rx_fill(struct vn_port_queue *q, struct vn_virtq *rx, uint16_t n, bool *empty)
{
	const uint32_t accept = __atomic_load_n(q->accept, __ATOMIC_RELAXED);
	struct vn_net_hdr hdr;
	uint8_t too_long;
	struct vn_fill f;
	uint16_t got = 0;

	*empty = false;
	if (!begin(q, rx, &f))
		return 0;
	/* Bad frames are passed over, but not for ever. */
	for (uint32_t i = 0; got < n && i < 2u * n; i++) {
		uint64_t bytes;
		ssize_t len;

		q->few = !vn_virtq_fill_next(rx, &f);
		if (q->few)
			break;
		f.iov[-1] = (struct iovec){&hdr, VN_NET_HDR_LEN};
		/* The kernel cuts what is longer, and says nothing. */
		f.iov[f.n] = (struct iovec){&too_long, sizeof(too_long)};
		len = readv(q->fd, f.iov - 1, (int)f.n + 2);
		if (len < 0) {
			tap_read_failed(q, errno);
			*empty = true;
			break;
		}
		bytes = (uint64_t)len - VN_NET_HDR_LEN;
		/* One that was cut is for the ring to count. */
		if (unlikely(len < VN_NET_HDR_LEN ||
			     (bytes <= f.room && !vn_port_hdr_ok(&hdr, (uint32_t)bytes, accept)))) {
			q->stats.rx_errors++;
			continue;
		}
		q->last_len = (uint32_t)bytes;
		vn_virtq_fill_take(rx, &f, &hdr, bytes);
		q->stats.rx_bytes += bytes;
		got++;
	}
	vn_virtq_fill_end(rx);
	q->stats.rx_packets += got;
	return got;
}
