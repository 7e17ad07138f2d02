/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VN_VFIO_USER_H
#define VN_VFIO_USER_H

/**
 * @file
 * The vfio-user transport: a server of the vfio-user protocol that shows a device as a whole PCI
 * function (lib/pci). One client at a time.
 *
 * A client never connects again, so a connection has to outlive the process that serves it. All of
 * it is a state file and some descriptors (vn_vfu_hold.h), which another process can take over:
 * when it is given to it, or when the one that served it died, at whichever instruction. The client
 * does not notice: each of its requests is executed once and answered once.
 *
 * Control thread only.
 */

#include "vn_transport.h"
#include "vn_vfu_hold.h"

extern const struct vn_transport_ops vn_vfio_user_ops;

/**
 * Let the holder at @p sock (a connected SOCK_SEQPACKET socket, which becomes the endpoint's) have
 * a duplicate of each descriptor, those that are there and those that come: before a message that
 * brought one counts, the holder has it. A message is refused (EAGAIN) when the holder does not
 * read. Best called before a client connects.
 *
 * @return 0, or negative errno: it has no keeper then.
 */
int vn_vfio_user_set_keeper(struct vn_endpoint *ep, int sock);

/**
 * Give the endpoint away, between two messages: the rings stop, the device is not reset, memory and
 * sockets stay as they are. State and descriptors go to @p sock (connected, SOCK_SEQPACKET; it
 * stays the caller's and must not be used meanwhile), where a successor reads them with
 * vn_vfu_hold_recv().
 *
 * @p done is called with 0: the endpoint is no more, and its device can be destroyed; or with
 * negative errno: the successor did not read, and the endpoint, which serves nobody any more, is to
 * be unplugged.
 */
void vn_vfio_user_give(struct vn_endpoint *ep, int sock, vn_device_cb done, void *ctx);

/**
 * Take an endpoint over, for a device made as the one before: in place of plug().
 *
 * @param hold
 *   What came of it. Emptied as far as it is needed; the rest stays the caller's
 * (vn_vfu_hold_fini()) and is dropped at the keeper.
 * @param keeper
 *   Socket to the holder, which knows all this already; becomes the endpoint's, also on failure.
 *   -1: none.
 * @param err
 *   Gets one line on failure (>= 256 bytes).
 * @return
 *   0: the rings start again soon (if that fails, the connection ends with a line in the log);
 *   -EINVAL: not all there, damaged, or of another version; other negative errno.
 */
int vn_vfio_user_take(struct vn_device *dev, const struct vn_endpoint_conf *conf,
	struct vn_vfu_hold *hold, int keeper, struct vn_endpoint **ep, char *err, size_t errlen);

#endif /* VN_VFIO_USER_H */
