/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Every command as a client sends it, and as it should not.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <rte_common.h>

#include "client.h"

#define QEMU_CAPS                                                                        \
	"{\"capabilities\":{\"pgsizes\":4096,\"max_msg_fds\":16,\"max_dma_maps\":65535," \
	"\"max_data_xfer_size\":1048576,\"migration\":{\"max_bitmap_size\":268435456,"   \
	"\"pgsize\":4096},\"write_multiple\":true}}"

#define TRIGGER_FD (VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_TRIGGER)
#define DISABLE    (VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_TRIGGER)

static void
version_of_qemu(void **state)
{
	struct cl *cl = *state;
	struct vfu_version v;
	char reply[512];
	json_t *data, *caps;
	int ret;

	cl_connect(cl);
	ret = cl_version(cl, 0, 0, QEMU_CAPS, reply, sizeof(reply));
	assert_true(ret > (int)sizeof(v));
	assert_int_equal(reply[ret - 1], '\0');
	memcpy(&v, reply, sizeof(v));
	assert_int_equal(v.major, 0);
	assert_int_equal(v.minor, 0);
	data = json_loads(reply + sizeof(v), 0, NULL);
	caps = json_object_get(data, "capabilities");
	assert_int_equal(json_integer_value(json_object_get(caps, "max_msg_fds")), 16);
	assert_int_equal(json_integer_value(json_object_get(caps, "pgsizes")), 4096);
	assert_int_equal(json_integer_value(json_object_get(caps, "max_dma_maps")), 65535);
	assert_true(json_is_true(json_object_get(caps, "write_multiple")));
	json_decref(data);
	/* Only once. */
	assert_int_equal(cl_version(cl, 0, 0, QEMU_CAPS, reply, sizeof(reply)), -EINVAL);
	assert_true(cl_info(cl).connected);
}

static void
versions_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"1",
		"{\"capabilities\":1}",
		"{\"capabilities\":{\"max_msg_fds\":-1}}",
		"{\"capabilities\":{\"max_msg_fds\":\"16\"}}",
		"{\"capabilities\":{\"max_data_xfer_size\":0}}",
		"{\"capabilities\":{\"max_dma_maps\":true}}",
		"{\"capabilities\":{\"pgsizes\":{}}}",
		"{\"capabilities\":{\"write_multiple\":1}}",
	};
	struct cl *cl = *state;
	struct vfu_version v = {0, 0};
	char reply[512];
	uint8_t raw[6] = {0, 0, 0, 0, '{', '}'};

	cl_connect(cl);
	assert_int_equal(cl_version(cl, 1, 0, NULL, reply, sizeof(reply)), -EINVAL);
	for (unsigned int i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(cl_version(cl, 0, 0, bad[i], reply, sizeof(reply)), -EINVAL);
	/* No NUL. */
	assert_int_equal(
		cl_call(cl, VFU_VERSION, raw, sizeof(raw), NULL, 0, reply, sizeof(reply)), -EINVAL);
	assert_int_equal(cl_call(cl, VFU_VERSION, &v, 2, NULL, 0, reply, sizeof(reply)), -EINVAL);
	/* 0.7 becomes 0.1; no data at all is fine, too. */
	assert_true(cl_version(cl, 0, 7, NULL, reply, sizeof(reply)) > 0);
	memcpy(&v, reply, sizeof(v));
	assert_int_equal(v.minor, 1);
	assert_null(strstr(reply + sizeof(v), "write_multiple"));
}

static void
nothing_before_version(void **state)
{
	struct cl *cl = *state;

	cl_connect(cl);
	cl_send(cl, VFU_RESET, 0, NULL, 0, NULL, 0);
	cl_assert_closed(cl);
	assert_int_equal(mock_pci.resets, 1); /* of the end */
	/* And the next one is served. */
	cl_start(cl);
}

static void
framing_ends_connection(void **state)
{
	static const struct vfu_hdr bad[] = {
		{.command = VFU_GET_INFO, .size = 15},
		{.command = VFU_GET_INFO, .size = 0},
		{.command = VFU_GET_INFO, .size = UINT32_MAX},
		{.command = VFU_GET_INFO, .size = VFU_MAX_MSG + 1},
		{.command = VFU_GET_INFO, .size = 16, .flags = VFU_F_REPLY},
		{.command = VFU_GET_INFO, .size = 16, .flags = 7},
	};
	struct cl *cl = *state;
	int fds[17];

	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		cl_start(cl);
		cl_send_raw(cl, &bad[i], sizeof(bad[i]), NULL, 0);
		cl_assert_closed(cl);
	}
	cl_start(cl);
	for (unsigned int i = 0; i < RTE_DIM(fds); i++)
		fds[i] = cl->memfd;
	cl_send(cl, VFU_RESET, 0, NULL, 0, fds, RTE_DIM(fds));
	cl_assert_closed(cl);
}

static void
refusals_keep_connection(void **state)
{
	static const uint16_t commands[] = {0, VFU_DMA_READ, VFU_DMA_WRITE, VFU_DIRTY_PAGES,
		VFU_DEVICE_FEATURE, VFU_MIG_DATA_READ, VFU_MIG_DATA_WRITE, 19, 0xffff};
	struct cl *cl = *state;
	uint8_t body[64] = {0};
	int fd = cl->memfd;

	cl_start(cl);
	for (unsigned int i = 0; i < RTE_DIM(commands); i++)
		assert_int_equal(
			cl_call(cl, commands[i], body, sizeof(body), NULL, 0, NULL, 0), -ENOTSUP);
	/* Payloads of a wrong size, descriptors that have no business here. */
	for (uint16_t i = VFU_DMA_MAP; i <= VFU_REGION_READ; i++) {
		assert_int_equal(cl_call(cl, i, body, 3, NULL, 0, NULL, 0), -EINVAL);
		if (i != VFU_SET_IRQS)
			assert_int_equal(cl_call(cl, i, body, 64, NULL, 0, NULL, 0), -EINVAL);
	}
	assert_int_equal(cl_call(cl, VFU_RESET, body, 4, NULL, 0, NULL, 0), -EINVAL);
	assert_int_equal(cl_call(cl, VFU_RESET, NULL, 0, &fd, 1, NULL, 0), -EINVAL);
	assert_int_equal(mock_pci.resets, 0);
	/* The same unasked for a reply: nothing comes. */
	cl_send(cl, 99, VFU_F_NO_REPLY, body, sizeof(body), NULL, 0);
	cl_assert_silent(cl);
	assert_int_equal(cl_info(cl).protocol_errors, 0);
	assert_true(cl_info(cl).connected);
}

static void
device_info(void **state)
{
	struct cl *cl = *state;
	struct vfu_device_info i = {.argsz = sizeof(i)};

	cl_start(cl);
	assert_int_equal(
		cl_call(cl, VFU_GET_INFO, &i, sizeof(i), NULL, 0, &i, sizeof(i)), sizeof(i));
	assert_int_equal(i.argsz, sizeof(i));
	assert_int_equal(i.flags, VFU_DEVICE_RESET | VFU_DEVICE_PCI);
	assert_int_equal(i.num_regions, 9);
	assert_int_equal(i.num_irqs, 5);
	i.argsz = 15;
	assert_int_equal(cl_call(cl, VFU_GET_INFO, &i, sizeof(i), NULL, 0, &i, sizeof(i)), -EINVAL);
}

static int
region_info(struct cl *cl, uint32_t index, uint32_t argsz, void *reply, uint32_t room)
{
	struct vfu_region_info r = {.argsz = argsz, .index = index};

	return cl_call(cl, VFU_GET_REGION_INFO, &r, sizeof(r), NULL, 0, reply, room);
}

static void
regions(void **state)
{
	static const uint64_t size[VFU_NUM_REGIONS] = {
		[VN_PCI_BAR1] = 0x1000, [VN_PCI_BAR4] = VN_PCI_BAR4_SIZE, [VN_PCI_CONFIG] = 4096};
	struct cl *cl = *state;
	struct vfu_region_info r;
	struct vfu_io_fds f = {.argsz = sizeof(f), .index = VN_PCI_BAR4};

	cl_start(cl);
	for (uint32_t i = 0; i < VFU_NUM_REGIONS; i++) {
		assert_int_equal(region_info(cl, i, 32, &r, sizeof(r)), 32);
		assert_int_equal(r.argsz, 32);
		assert_int_equal(r.index, i);
		assert_int_equal(r.size, size[i]);
		assert_int_equal(r.flags, size[i] > 0 ? 3 : 0);
		assert_int_equal(r.cap_offset, 0);
		assert_int_equal(cl->got_fd, -1);
	}
	assert_int_equal(region_info(cl, VFU_NUM_REGIONS, 32, &r, sizeof(r)), -EINVAL);
	assert_int_equal(region_info(cl, 0, 31, &r, sizeof(r)), -EINVAL);
	assert_int_equal(cl_call(cl, VFU_GET_REGION_IO_FDS, &f, sizeof(f), NULL, 0, &f, sizeof(f)),
		sizeof(f));
	assert_int_equal(f.count, 0);
	f.index = 9;
	assert_int_equal(
		cl_call(cl, VFU_GET_REGION_IO_FDS, &f, sizeof(f), NULL, 0, &f, sizeof(f)), -EINVAL);
}

static void
doorbell_page_is_mappable(void **state)
{
	struct cl *cl = *state;
	struct {
		struct vfu_region_info r;
		struct vfu_sparse_mmap cap;
	} reply;

	cl_start(cl);
	/* It does not fit: no capability, no descriptor, but where it would be and how long. */
	assert_int_equal(region_info(cl, VN_PCI_BAR4, 32, &reply, sizeof(reply)), 32);
	assert_int_equal(reply.r.argsz, 64);
	assert_int_equal(reply.r.cap_offset, 32);
	assert_int_equal(reply.r.flags, 15);
	assert_int_equal(cl->got_fd, -1);
	assert_int_equal(region_info(cl, VN_PCI_BAR4, 64, &reply, sizeof(reply)), 64);
	assert_true(cl->got_fd >= 0);
	assert_int_equal(reply.r.cap_offset, 32);
	assert_int_equal(reply.cap.id, 1);
	assert_int_equal(reply.cap.version, 1);
	assert_int_equal(reply.cap.next, 0);
	assert_int_equal(reply.cap.nr_areas, 1);
	assert_int_equal(reply.cap.offset, VN_PCI_NOTIFY);
	assert_int_equal(reply.cap.size, 4096);
	/* A page there can be mapped. */
	assert_true(lseek(cl->got_fd, 0, SEEK_END) >=
		    (off_t)(reply.r.offset + reply.cap.offset + reply.cap.size));
	assert_int_equal(region_info(cl, VN_PCI_CONFIG, 64, &reply, sizeof(reply)), 32);
}

static void
region_access(void **state)
{
	struct cl *cl = *state;
	uint8_t big[VFU_MAX_XFER];
	uint64_t v = 5, hash = 0;
	uint32_t x = 0x12345678, y = 0;
	struct vfu_access a = {.region = VN_PCI_CONFIG, .count = VFU_MAX_XFER + 1};
	unsigned int before;

	cl_start(cl);
	assert_int_equal(cl_write(cl, VN_PCI_CONFIG, 4, &x, 4), 0);
	assert_int_equal(cl_read(cl, VN_PCI_CONFIG, 4, &y, 4), 0);
	assert_int_equal(x, y);
	assert_int_equal(cl_write(cl, VN_PCI_BAR4, MOCK_HASH, &v, 8), 0);
	assert_int_equal(cl_write(cl, VN_PCI_BAR4, MOCK_HASH, &v, 8), 0);
	assert_int_equal(cl_read(cl, VN_PCI_BAR4, MOCK_HASH, &hash, 8), 0);
	assert_int_equal(hash, mock_hash(mock_hash(0, 5), 5));
	/* A whole BAR at once is the most that there is. */
	assert_int_equal(cl_read(cl, VN_PCI_BAR4, 0, big, VN_PCI_BAR4_SIZE), 0);
	assert_int_equal(cl_read(cl, VN_PCI_BAR4, 0, big, 0), 0);

	assert_int_equal(cl_read(cl, VN_PCI_CONFIG, 4093, &y, 4), -EINVAL);
	assert_int_equal(cl_read(cl, VN_PCI_CONFIG, UINT64_MAX, &y, 4), -EINVAL);
	assert_int_equal(cl_read(cl, VN_PCI_BAR2, 0, &y, 4), -EINVAL);
	before = mock_pci.accesses;
	assert_int_equal(cl_read(cl, 8, 0, &y, 4), -EINVAL);
	assert_int_equal(cl_read(cl, UINT32_MAX, 0, &y, 4), -EINVAL);
	assert_int_equal(cl_call(cl, VFU_REGION_READ, &a, sizeof(a), NULL, 0, NULL, 0), -EINVAL);
	/* Count and payload disagree. */
	a.count = 4;
	assert_int_equal(cl_call(cl, VFU_REGION_WRITE, &a, sizeof(a), NULL, 0, NULL, 0), -EINVAL);
	assert_int_equal(mock_pci.accesses, before);

	/* Posted: no answer, and in order with what follows. */
	{
		struct {
			struct vfu_access a;
			uint64_t v;
		} w = {{.offset = MOCK_HASH, .region = VN_PCI_BAR4, .count = 8}, 7};

		cl_send(cl, VFU_REGION_WRITE, VFU_F_NO_REPLY, &w, sizeof(w), NULL, 0);
	}
	assert_int_equal(cl_read(cl, VN_PCI_BAR4, MOCK_HASH, &v, 8), 0);
	assert_int_equal(v, mock_hash(hash, 7));
}

static void
write_multi(void **state)
{
	struct cl *cl = *state;
	struct {
		uint64_t n;
		struct vfu_multi w[3];
	} m;
	uint64_t n = 0, v;

	memset(&m, 0, sizeof(m));
	m.n = 3;
	for (unsigned int i = 0; i < 3; i++) {
		m.w[i].a.region = VN_PCI_BAR4;
		m.w[i].a.count = 8;
		m.w[i].data[0] = (uint8_t)(i + 1);
	}
	cl_start(cl);
	assert_int_equal(
		cl_call(cl, VFU_REGION_WRITE_MULTI, &m, sizeof(m), NULL, 0, &n, sizeof(n)), 8);
	assert_int_equal(n, 3);
	v = mock_hash(mock_hash(mock_hash(0, 1), 2), 3);
	assert_int_equal(mock_pci_hash(), v);
	m.w[2].a.count = 9;
	assert_int_equal(
		cl_call(cl, VFU_REGION_WRITE_MULTI, &m, sizeof(m), NULL, 0, &n, 8), -EINVAL);
	m.w[2].a.count = 8;
	m.n = 4;
	assert_int_equal(
		cl_call(cl, VFU_REGION_WRITE_MULTI, &m, sizeof(m), NULL, 0, &n, 8), -EINVAL);
	m.n = UINT64_MAX / 24 + 4; /* times 24 it is small again */
	assert_int_equal(
		cl_call(cl, VFU_REGION_WRITE_MULTI, &m, sizeof(m), NULL, 0, &n, 8), -EINVAL);
	m.n = 0;
	assert_int_equal(cl_call(cl, VFU_REGION_WRITE_MULTI, &m, 8, NULL, 0, &n, 8), 8);
	assert_int_equal(n, 0);
	assert_int_equal(mock_pci_hash(), v);
}

/* Doorbells are posted by the thousand: the state is not saved for them. */
static void
doorbells_are_cheap(void **state)
{
	struct {
		struct vfu_access a;
		uint32_t v;
	} __attribute__((packed))
	w = {{.offset = VN_PCI_NOTIFY, .region = VN_PCI_BAR4, .count = 4}, 0};
	struct cl *cl = *state;
	unsigned int saves;

	cl_start(cl);
	saves = mock_pci.saves;
	for (unsigned int i = 0; i < 100; i++)
		cl_send(cl, VFU_REGION_WRITE, VFU_F_NO_REPLY, &w, sizeof(w), NULL, 0);
	cl_until(cl, &mock_pci.kicks, 100);
	cl_assert_silent(cl);
	assert_int_equal(mock_pci.kicks, 100);
	assert_int_equal(mock_pci.saves, saves);
	/* One that is to be answered is. */
	assert_int_equal(cl_write(cl, VN_PCI_BAR4, VN_PCI_NOTIFY + 4, &w.v, 4), 0);
	assert_int_equal(mock_pci.kicks, 101);
	assert_int_equal(mock_pci.saves, saves);
}

static void
irq_info(void **state)
{
	struct cl *cl = *state;
	struct vfu_irq_info i;

	cl_start(cl);
	for (uint32_t n = 0; n < VFU_NUM_IRQS; n++) {
		i = (struct vfu_irq_info){.argsz = sizeof(i), .index = n};
		assert_int_equal(
			cl_call(cl, VFU_GET_IRQ_INFO, &i, sizeof(i), NULL, 0, &i, sizeof(i)),
			sizeof(i));
		assert_int_equal(i.argsz, sizeof(i));
		assert_int_equal(i.count, n == VN_PCI_INTX ? 1 : n == VN_PCI_MSIX ? CL_VECTORS : 0);
		assert_int_equal(i.flags, n == VN_PCI_INTX ? 3 : n == VN_PCI_MSIX ? 1 : 0);
	}
	i.index = VFU_NUM_IRQS;
	assert_int_equal(
		cl_call(cl, VFU_GET_IRQ_INFO, &i, sizeof(i), NULL, 0, &i, sizeof(i)), -EINVAL);
	i.index = 0;
	i.argsz = 15;
	assert_int_equal(
		cl_call(cl, VFU_GET_IRQ_INFO, &i, sizeof(i), NULL, 0, &i, sizeof(i)), -EINVAL);
}

/* As QEMU does it: MSI-X is switched on without a descriptor, then vectors come one by one. */
static void
msix(void **state)
{
	struct cl *cl = *state;
	int ev[4];
	unsigned int changes;

	for (unsigned int i = 0; i < 4; i++)
		ev[i] = cl_eventfd();
	cl_start(cl);
	assert_false(mock_pci_msix_active());
	assert_int_equal(cl_irqs(cl, TRIGGER_FD, VN_PCI_MSIX, 0, 1, NULL, 0), 0);
	assert_true(mock_pci_msix_active());
	assert_int_equal(mock_pci_irq_fd(VN_PCI_MSIX, 0), -1);
	changes = mock_pci.irq_changes;
	assert_int_equal(cl_irqs(cl, TRIGGER_FD, VN_PCI_MSIX, 3, 1, &ev[0], 1), 0);
	assert_int_equal(mock_pci.irq_changes, changes + 1);
	assert_int_equal(mock_pci.last_irq_change, 3);
	assert_true(mock_pci_irq_fd(VN_PCI_MSIX, 3) >= 0);
	assert_int_equal(cl_irqs(cl, TRIGGER_FD, VN_PCI_MSIX, 4, 3, &ev[1], 3), 0);
	assert_int_equal(mock_pci.last_irq_change, UINT32_MAX);

	/* The client fires them itself: all, or some of them. */
	assert_int_equal(cl_irqs(cl, DISABLE, VN_PCI_MSIX, 3, 4, NULL, 0), 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(cl_events(ev[i]), 1);
	{
		struct {
			struct vfu_irq_set p;
			uint8_t on[4];
		} b = {{sizeof(b), VFU_IRQ_DATA_BOOL | VFU_IRQ_ACTION_TRIGGER, VN_PCI_MSIX, 3, 4},
			{0, 1, 0, 1}};

		assert_int_equal(cl_call(cl, VFU_SET_IRQS, &b, sizeof(b), NULL, 0, NULL, 0), 0);
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(cl_events(ev[i]), i % 2);

	/* One goes, then all. */
	assert_int_equal(cl_irqs(cl, TRIGGER_FD, VN_PCI_MSIX, 3, 1, NULL, 0), 0);
	assert_int_equal(mock_pci_irq_fd(VN_PCI_MSIX, 3), -1);
	assert_true(mock_pci_msix_active());
	assert_int_equal(cl_irqs(cl, DISABLE, VN_PCI_MSIX, 0, 0, NULL, 0), 0);
	assert_false(mock_pci_msix_active());
	assert_int_equal(mock_pci_irq_fd(VN_PCI_MSIX, 5), -1);
	for (unsigned int i = 0; i < 4; i++)
		close(ev[i]);
}

static void
quota_of_vectors(void **state)
{
	struct cl *cl = *state;

	cl->dev.conf.num_msix = 5;
	vn_vfio_user_ops.config_changed(cl->ep);
	assert_int_equal(mock_pci.max_vectors, 5);
	vn_vfio_user_ops.set_vfs(cl->ep, 3, true);
	assert_int_equal(mock_pci.vfs, 3);
	assert_true(mock_pci.vfs_by_client);
}

static void
irqs_refused(void **state)
{
	struct cl *cl = *state;
	int ev[2] = {cl_eventfd(), cl_eventfd()};
	const uint32_t none = VFU_IRQ_DATA_NONE;
	const struct {
		uint32_t flags, index, start, count;
		const int *fds;
		unsigned int n;
		int ret;
	} bad[] = {
		{0, VN_PCI_MSIX, 0, 1, NULL, 0, -EINVAL},
		{none, VN_PCI_MSIX, 0, 1, NULL, 0, -EINVAL},
		{VFU_IRQ_ACTION_TRIGGER, VN_PCI_MSIX, 0, 1, NULL, 0, -EINVAL},
		{none | VFU_IRQ_DATA_BOOL | VFU_IRQ_ACTION_TRIGGER, VN_PCI_MSIX, 0, 1, NULL, 0,
			-EINVAL},
		{none | VFU_IRQ_ACTION, VN_PCI_MSIX, 0, 1, NULL, 0, -EINVAL},
		{DISABLE | 0x40, VN_PCI_MSIX, 0, 1, NULL, 0, -EINVAL},
		{DISABLE, 5, 0, 0, NULL, 0, -EINVAL},
		{DISABLE, VN_PCI_MSIX, CL_VECTORS, 1, NULL, 0, -EINVAL},
		{DISABLE, VN_PCI_MSIX, 1, UINT32_MAX, NULL, 0, -EINVAL},
		{DISABLE, VN_PCI_MSIX, UINT32_MAX, 1, NULL, 0, -EINVAL},
		{DISABLE, VN_PCI_MSIX, 1, 0, NULL, 0, -EINVAL},
		{DISABLE, VN_PCI_MSI, 0, 1, NULL, 0, -EINVAL},
		{DISABLE, VN_PCI_ERR, 0, 1, NULL, 0, -EINVAL},
		{none | VFU_IRQ_ACTION_MASK, VN_PCI_MSIX, 0, 0, NULL, 0, -EINVAL},
		{none | VFU_IRQ_ACTION_MASK, VN_PCI_MSIX, 0, 1, NULL, 0, -EINVAL},
		{TRIGGER_FD, VN_PCI_MSIX, 0, 0, NULL, 0, -EINVAL},
		{TRIGGER_FD, VN_PCI_MSIX, 0, 3, ev, 2, -EINVAL},
		{TRIGGER_FD, VN_PCI_MSIX, 0, 1, ev, 2, -EINVAL},
		{TRIGGER_FD, VN_PCI_MSIX, 0, 1, &cl->memfd, 1, -EINVAL},
		{TRIGGER_FD, VN_PCI_INTX, 0, 2, ev, 2, -EINVAL},
		{DISABLE, VN_PCI_MSIX, 0, 1, ev, 1, -EINVAL},
		{VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_UNMASK, VN_PCI_INTX, 0, 1, ev, 1, -ENOTSUP},
		/* Its data are missing. */
		{VFU_IRQ_DATA_BOOL | VFU_IRQ_ACTION_TRIGGER, VN_PCI_MSIX, 0, 2, NULL, 0, -EINVAL},
	};
	struct vfu_irq_set p = {.argsz = 19, .flags = DISABLE, .index = VN_PCI_MSIX};

	cl_start(cl);
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		int ret = cl_irqs(cl, bad[i].flags, bad[i].index, bad[i].start, bad[i].count,
			bad[i].fds, bad[i].n);

		if (ret != bad[i].ret)
			fail_msg("case %u: %d instead of %d", i, ret, bad[i].ret);
	}
	assert_int_equal(cl_call(cl, VFU_SET_IRQS, &p, sizeof(p), NULL, 0, NULL, 0), -EINVAL);
	assert_false(mock_pci_msix_active());
	assert_int_equal(mock_pci.irq_changes, 0);
	/* Kinds that there are none of can be disabled all the same. */
	assert_int_equal(cl_irqs(cl, DISABLE, VN_PCI_MSI, 0, 0, NULL, 0), 0);
	close(ev[0]);
	close(ev[1]);
}

static void
intx(void **state)
{
	struct cl *cl = *state;
	int ev = cl_eventfd();
	const uint64_t one = 1;

	cl_start(cl);
	assert_int_equal(cl_irqs(cl, TRIGGER_FD, VN_PCI_INTX, 0, 1, &ev, 1), 0);
	assert_int_equal(cl_events(ev), 0);
	assert_int_equal(write(mock_pci_irq_fd(VN_PCI_INTX, 0), &one, 8), 8);
	cl_drain(cl);
	assert_int_equal(cl_events(ev), 1);

	/* Masked: nothing comes; unmasked: what is still pending does. */
	assert_int_equal(cl_irqs(cl, VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_MASK, 0, 0, 1, NULL, 0), 0);
	mock_pci_set_isr(1);
	assert_int_equal(write(mock_pci_irq_fd(VN_PCI_INTX, 0), &one, 8), 8);
	cl_drain(cl);
	assert_int_equal(cl_events(ev), 0);
	assert_int_equal(
		cl_irqs(cl, VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_UNMASK, 0, 0, 1, NULL, 0), 0);
	assert_int_equal(cl_events(ev), 1);
	mock_pci_set_isr(0);
	assert_int_equal(cl_irqs(cl, VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_MASK, 0, 0, 1, NULL, 0), 0);
	assert_int_equal(
		cl_irqs(cl, VFU_IRQ_DATA_NONE | VFU_IRQ_ACTION_UNMASK, 0, 0, 1, NULL, 0), 0);
	assert_int_equal(cl_events(ev), 0);

	assert_int_equal(cl_irqs(cl, DISABLE, VN_PCI_INTX, 0, 1, NULL, 0), 0);
	assert_int_equal(cl_events(ev), 1);
	assert_int_equal(cl_irqs(cl, DISABLE, VN_PCI_INTX, 0, 0, NULL, 0), 0);
	assert_int_equal(write(mock_pci_irq_fd(VN_PCI_INTX, 0), &one, 8), 8);
	cl_drain(cl);
	assert_int_equal(cl_events(ev), 0);
	close(ev);
}

static void
reset_is_answered_when_over(void **state)
{
	struct cl *cl = *state;
	uint16_t id;
	uint64_t v = 1;

	cl_start(cl);
	assert_int_equal(cl_call(cl, VFU_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(mock_pci.resets, 1);
	mock_pci.delay_reset = true;
	cl_send(cl, VFU_RESET, 0, NULL, 0, NULL, 0);
	id = cl->id;
	{
		struct vfu_access a = {.offset = 0, .region = VN_PCI_BAR4, .count = 8};

		cl_send(cl, VFU_REGION_READ, 0, &a, sizeof(a), NULL, 0);
	}
	cl_assert_silent(cl);
	assert_int_equal(mock_pci.resets, 2);
	/* A poller that had to be overridden is not the client's concern. */
	mock_pci_answer(-ETIMEDOUT);
	assert_int_equal(cl_recv_id(cl, VFU_RESET, id, NULL, 0), 0);
	{
		uint8_t buf[24];

		assert_int_equal(cl_recv(cl, VFU_REGION_READ, buf, sizeof(buf)), 24);
	}
	/* The client goes while one is under way. */
	cl_send(cl, VFU_RESET, 0, NULL, 0, NULL, 0);
	cl_drain(cl);
	close(cl->fd);
	cl->fd = -1;
	cl_drain(cl);
	mock_pci_answer(0);
	cl_drain(cl);
	mock_pci_answer(0); /* the one of the end */
	cl_drain(cl);
	assert_false(cl_info(cl).connected);
	mock_pci.delay_reset = false;
	cl_start(cl);
	assert_int_equal(cl_read(cl, VN_PCI_BAR4, 0, &v, 8), 0);
	assert_int_equal(v, 0);
}

/* A legacy driver resets and goes on: its next access waits, the write itself does not. */
static void
next_access_waits(void **state)
{
	struct cl *cl = *state;
	const struct vfu_access a = {.offset = MOCK_HASH, .region = VN_PCI_BAR4, .count = 8};
	uint64_t v = 7;
	uint8_t buf[24];

	cl_start(cl);
	mock_pci.wait = true;
	assert_int_equal(cl_write(cl, VN_PCI_BAR4, MOCK_HASH, &v, sizeof(v)), 0);
	assert_int_equal(mock_pci.waiting, 1);
	cl_send(cl, VFU_REGION_READ, 0, &a, sizeof(a), NULL, 0);
	cl_assert_silent(cl);
	mock_pci.wait = false;
	mock_pci_answer(0);
	assert_int_equal(cl_recv(cl, VFU_REGION_READ, buf, sizeof(buf)), 24);
	memcpy(&v, buf + 16, sizeof(v));
	assert_int_equal(v, mock_hash(0, 7));
	/* The client goes meanwhile. */
	mock_pci.wait = true;
	assert_int_equal(cl_write(cl, VN_PCI_BAR4, MOCK_HASH, &v, sizeof(v)), 0);
	close(cl->fd);
	cl->fd = -1;
	cl_drain(cl);
	assert_true(cl_info(cl).connected);
	mock_pci.wait = false;
	mock_pci_answer(0);
	cl_drain(cl);
	assert_false(cl_info(cl).connected);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, cl_setup, cl_teardown)
#define D(f) cmocka_unit_test_setup_teardown(f, cl_setup_doorbell, cl_teardown)
	const struct CMUnitTest tests[] = {
		T(version_of_qemu),
		T(versions_refused),
		T(nothing_before_version),
		T(framing_ends_connection),
		T(refusals_keep_connection),
		T(device_info),
		T(regions),
		D(doorbell_page_is_mappable),
		T(region_access),
		T(next_access_waits),
		T(write_multi),
		T(doorbells_are_cheap),
		T(irq_info),
		T(msix),
		T(quota_of_vectors),
		T(irqs_refused),
		T(intx),
		T(reset_is_answered_when_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
