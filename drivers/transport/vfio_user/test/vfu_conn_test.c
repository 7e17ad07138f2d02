/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Connections: messages in pieces, clients one after the other, what the keeper holds.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_common.h>

#include "client.h"

#define PAGE UINT64_C(4096)

static void
plug_errors(void **state)
{
	struct cl *cl = *state;
	struct vn_endpoint_conf conf = {.path = cl->path, .client = true};
	struct vn_endpoint *keep = cl->ep;
	struct mock_pci pci = mock_pci;
	char err[256] = "", path[200];

	assert_int_equal(cl_plug(cl, &conf, err, sizeof(err)), -ENOTSUP);
	assert_non_null(strstr(err, cl->path));
	conf.client = false;
	err[0] = '\0';
	assert_int_equal(cl_plug(cl, &conf, err, sizeof(err)), -EADDRINUSE);
	assert_true(err[0] != '\0');
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	conf.path = path;
	assert_int_equal(cl_plug(cl, &conf, err, sizeof(err)), -ENAMETOOLONG);
	cl->ep = keep;
	mock_pci = pci;
}

static void
one_client_at_a_time(void **state)
{
	struct cl *cl = *state;
	unsigned int resets;
	int other;
	char c;

	cl_start(cl);
	other = cl_dial(cl);
	cl_drain(cl);
	assert_int_equal(recv(other, &c, 1, MSG_DONTWAIT), 0);
	close(other);
	assert_true(cl_info(cl).connected);
	/* When the first has gone the next one is served, and finds a fresh function. */
	resets = mock_pci.resets;
	cl_disconnect(cl);
	assert_int_equal(mock_pci.resets, resets + 1);
	assert_null(mock.mem);
	cl_start(cl);
	assert_int_equal(cl_info(cl).connections, 2);
	assert_int_equal(cl_info(cl).protocol_errors, 0);
}

static void
interrupts_end_with_client(void **state)
{
	struct cl *cl = *state;
	int ev = cl_eventfd();

	cl_start(cl);
	assert_int_equal(cl_irqs(cl, VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_TRIGGER, VN_PCI_MSIX, 2,
				 1, &ev, 1),
		0);
	assert_true(mock_pci_irq_fd(VN_PCI_MSIX, 2) >= 0);
	cl_disconnect(cl);
	assert_int_equal(mock_pci_irq_fd(VN_PCI_MSIX, 2), -1);
	assert_false(mock_pci_msix_active());
	cl_start(cl);
	assert_false(mock_pci_msix_active());
	close(ev);
}

static void
byte_by_byte(void **state)
{
	struct cl *cl = *state;
	struct {
		struct vfu_hdr h;
		struct vfu_dma_map p;
	} m = {{.id = 77, .command = VFU_DMA_MAP, .size = sizeof(m)},
		{sizeof(m.p), 3, 0, 0x10000, PAGE}};
	const uint8_t *b = (const uint8_t *)&m;

	cl_start(cl);
	/* The descriptor with each of the bytes in turn. */
	for (unsigned int with = 0; with < sizeof(m); with++) {
		m.p.address += 0x10000;
		for (unsigned int i = 0; i < sizeof(m); i++) {
			cl_send_raw(cl, b + i, 1, &cl->memfd, i == with ? 1 : 0);
			/* At times it looks in between. */
			if (i % 7 == with % 7)
				cl_drain(cl);
		}
		assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, 77, NULL, 0), 0);
		assert_non_null(vn_guestmem_addr(mock.mem, m.p.address, PAGE, true));
	}
}

/* The kernel shows descriptors of a later message when an earlier one is looked at. */
static void
descriptors_stay_with_their_message(void **state)
{
	struct cl *cl = *state;
	struct vfu_dma_map p = {sizeof(p), 3, 0, 0x10000, PAGE};
	struct {
		struct vfu_hdr h[2];
	} two = {{{.id = 1, .command = VFU_GET_INFO + 50, .size = 16},
		{.id = 2, .command = VFU_GET_INFO + 50, .size = 16}}};
	int other = cl_memfd(2 * PAGE), fd = cl->memfd;
	uint16_t id;

	cl_start(cl);
	id = cl->id;
	/* Without one, with one; both are there before any is looked at. */
	cl_send(cl, VFU_DMA_MAP, 0, &p, sizeof(p), NULL, 0);
	p.address = 0x20000;
	cl_send(cl, VFU_DMA_MAP, 0, &p, sizeof(p), &fd, 1);
	p.address = 0x30000;
	cl_send(cl, VFU_DMA_MAP, 0, &p, sizeof(p), NULL, 0);
	p.address = 0x40000;
	cl_send(cl, VFU_DMA_MAP, 0, &p, sizeof(p), &other, 1);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, ++id, NULL, 0), 0);
	assert_null(vn_guestmem_addr(mock.mem, 0x10000, 1, false));
	assert_non_null(vn_guestmem_addr(mock.mem, 0x20000, 1, false));
	assert_null(vn_guestmem_addr(mock.mem, 0x30000, 1, false));
	assert_non_null(vn_guestmem_addr(mock.mem, 0x40000, 1, false));

	/* Two messages in one piece: they go with the first. */
	{
		struct {
			struct vfu_hdr h;
			struct vfu_dma_map p;
		} m[2];

		for (unsigned int i = 0; i < 2; i++) {
			memset(&m[i], 0, sizeof(m[i]));
			m[i].h.id = (uint16_t)(100 + i);
			m[i].h.command = VFU_DMA_MAP;
			m[i].h.size = sizeof(m[i]);
			m[i].p =
				(struct vfu_dma_map){sizeof(p), 3, 0, 0x100000 + i * 0x10000, PAGE};
		}
		cl_send_raw(cl, m, sizeof(m), &fd, 1);
		assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, 100, NULL, 0), 0);
		assert_int_equal(cl_recv_id(cl, VFU_DMA_MAP, 101, NULL, 0), 0);
		assert_non_null(vn_guestmem_addr(mock.mem, 0x100000, 1, false));
		assert_null(vn_guestmem_addr(mock.mem, 0x110000, 1, false));
	}
	cl_send_raw(cl, &two, sizeof(two), NULL, 0);
	assert_int_equal(cl_recv_id(cl, VFU_GET_INFO + 50, 1, NULL, 0), -ENOTSUP);
	assert_int_equal(cl_recv_id(cl, VFU_GET_INFO + 50, 2, NULL, 0), -ENOTSUP);
	close(other);
}

static void
half_message_then_nothing(void **state)
{
	struct cl *cl = *state;
	struct vfu_hdr h = {.command = VFU_REGION_WRITE, .size = 100};

	cl_start(cl);
	cl_send_raw(cl, &h, 15, NULL, 0);
	cl_drain(cl);
	close(cl->fd);
	cl->fd = -1;
	cl_until(cl, &mock.detaches, 1);
	cl_start(cl);
	cl_send_raw(cl, &h, sizeof(h), &cl->memfd, 1);
	cl_drain(cl);
	close(cl->fd);
	cl->fd = -1;
	cl_until(cl, &mock.detaches, 2);
	cl_drain(cl);
}

/* A client that does not read gets no more than the socket takes, and is served when it does. */
static void
replies_not_read(void **state)
{
	struct cl *cl = *state;
	struct vfu_access a = {.region = VN_PCI_BAR4, .count = VN_PCI_BAR4_SIZE};
	static uint8_t buf[sizeof(a) + VN_PCI_BAR4_SIZE];
	const unsigned int n = 40;
	unsigned int accesses;
	uint16_t id;

	cl_start(cl);
	id = cl->id;
	for (unsigned int i = 0; i < n; i++)
		cl_send(cl, VFU_REGION_READ, 0, &a, sizeof(a), NULL, 0);
	cl_drain(cl);
	accesses = mock_pci.accesses;
	assert_true(accesses < n);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(
			cl_recv_id(cl, VFU_REGION_READ, ++id, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(mock_pci.accesses, n);
}

static unsigned int
held(struct vn_vfu_hold *h, int sock, enum vn_vfu_kind kind)
{
	unsigned int n = 0;
	int ret;

	do {
		ret = vn_vfu_hold_recv(h, sock);
	} while (ret == VN_VFU_CHANGED);
	assert_int_equal(ret, -EAGAIN);
	for (unsigned int i = 0; i < h->n; i++)
		n += h->held[i].kind == kind;
	return n;
}

static void
keeper_has_what_is_needed(void **state)
{
	struct cl *cl = *state;
	struct vn_vfu_hold h;
	const uint32_t set = VFU_IRQ_DATA_EVENTFD | VFU_IRQ_ACTION_TRIGGER;
	int sv[2], ev[2] = {cl_eventfd(), cl_eventfd()};

	vn_vfu_hold_init(&h);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	assert_int_equal(vn_vfio_user_set_keeper(cl->ep, sv[0]), 0);
	assert_int_equal(held(&h, sv[1], VN_VFU_STATE), 1);
	assert_int_equal(held(&h, sv[1], VN_VFU_LISTENER), 1);
	assert_int_equal(held(&h, sv[1], VN_VFU_CONN), 0);
	cl_start(cl);
	assert_int_equal(held(&h, sv[1], VN_VFU_CONN), 1);
	/* One per file, however often it is mapped. */
	assert_int_equal(cl_map(cl, 0x10000, PAGE, 0, cl->memfd), 0);
	assert_int_equal(cl_map(cl, 0x20000, PAGE, PAGE, cl->memfd), 0);
	assert_int_equal(held(&h, sv[1], VN_VFU_CLIENT), 1);
	assert_int_equal(cl_irqs(cl, set, VN_PCI_MSIX, 0, 2, ev, 2), 0);
	assert_int_equal(cl_irqs(cl, set, VN_PCI_INTX, 0, 1, ev, 1), 0);
	assert_int_equal(held(&h, sv[1], VN_VFU_CLIENT), 4);
	/* Replaced, refused, taken away. */
	assert_int_equal(cl_irqs(cl, set, VN_PCI_MSIX, 1, 1, ev, 1), 0);
	assert_int_equal(cl_map(cl, 0x10000, PAGE, 0, cl->memfd), -EEXIST);
	assert_int_equal(cl_irqs(cl, set, VN_PCI_MSIX, 0, 1, &cl->memfd, 1), -EINVAL);
	assert_int_equal(held(&h, sv[1], VN_VFU_CLIENT), 4);
	assert_int_equal(cl_irqs(cl, set, VN_PCI_MSIX, 1, 1, NULL, 0), 0);
	assert_int_equal(cl_unmap(cl, 0x10000, PAGE, 0), 0);
	assert_int_equal(held(&h, sv[1], VN_VFU_CLIENT), 3);
	assert_int_equal(cl_unmap(cl, 0, 0, VFU_UNMAP_ALL), 0);
	assert_int_equal(held(&h, sv[1], VN_VFU_CLIENT), 2);
	assert_int_equal(cl_map(cl, 0x10000, PAGE, 0, cl->memfd), 0);
	/* The client goes: its end of the socket is closed although we have a duplicate. */
	cl_disconnect(cl);
	assert_int_equal(held(&h, sv[1], VN_VFU_CLIENT), 0);
	assert_int_equal(held(&h, sv[1], VN_VFU_CONN), 0);
	assert_int_equal(h.n, 2);
	/* A keeper that has gone costs the safety, not the service. */
	vn_vfu_hold_fini(&h);
	close(sv[1]);
	cl_start(cl);
	assert_int_equal(cl_map(cl, 0x10000, PAGE, 0, cl->memfd), 0);
	close(ev[0]);
	close(ev[1]);
}

static void
hold_refuses_nonsense(void **state)
{
	struct cl *cl = *state;
	struct vn_vfu_hold h;
	uint32_t msg[4] = {0x484c4456u, 1 | 1 << 16, 5, VN_VFU_CLIENT};
	uint32_t number = 0;
	int sv[2];

	(void)cl;
	vn_vfu_hold_init(&h);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	/* No descriptor, wrong version, wrong length. */
	assert_int_equal(send(sv[0], msg, sizeof(msg), 0), sizeof(msg));
	assert_int_equal(vn_vfu_hold_recv(&h, sv[1]), -EPROTO);
	msg[1] = 2 | 2 << 16;
	assert_int_equal(send(sv[0], msg, sizeof(msg), 0), sizeof(msg));
	assert_int_equal(vn_vfu_hold_recv(&h, sv[1]), -EPROTO);
	assert_int_equal(send(sv[0], msg, 8, 0), 8);
	assert_int_equal(vn_vfu_hold_recv(&h, sv[1]), -EPROTO);
	assert_int_equal(vn_vfu_drop(sv[0], 77), 0);
	assert_int_equal(vn_vfu_hold_recv(&h, sv[1]), VN_VFU_CHANGED);
	assert_int_equal(vn_vfu_put(sv[0], 9, VN_VFU_CLIENT, sv[0]), 0);
	assert_int_equal(vn_vfu_hold_recv(&h, sv[1]), VN_VFU_CHANGED);
	assert_int_equal(h.n, 1);
	assert_int_equal(vn_vfu_hold_take(&h, VN_VFU_CONN, &number), -1);
	close(sv[0]);
	assert_int_equal(vn_vfu_hold_recv(&h, sv[1]), -EAGAIN); /* its duplicate is in h */
	vn_vfu_hold_fini(&h);
	assert_int_equal(vn_vfu_hold_recv(&h, sv[1]), 0);
	close(sv[1]);
}

/* A state file that is not one, or is another device's. */
static void
take_refuses(void **state)
{
	struct cl *cl = *state;
	struct vn_endpoint_conf conf = {.path = "/tmp/nowhere"};
	struct vn_vfu_hold h;
	struct vn_endpoint *ep;
	struct mock_pci pci = mock_pci;
	struct vfu_shm *shm;
	char err[256] = "";
	int fd;

	vn_vfu_hold_init(&h);
	assert_int_equal(
		vn_vfio_user_take(&cl->dev, &conf, &h, -1, &ep, err, sizeof(err)), -EINVAL);
	assert_true(err[0] != '\0');
	assert_int_equal(vn_vfu_hold_add(&h, 1, VN_VFU_STATE, cl_memfd(PAGE)), 0);
	assert_int_equal(
		vn_vfio_user_take(&cl->dev, &conf, &h, -1, &ep, err, sizeof(err)), -EINVAL);
	vn_vfu_hold_fini(&h);
	fd = vfu_shm_create("ANOTHER", &shm);
	assert_true(fd >= 0);
	vfu_shm_unmap(shm);
	assert_int_equal(vn_vfu_hold_add(&h, 1, VN_VFU_STATE, fd), 0);
	assert_int_equal(
		vn_vfio_user_take(&cl->dev, &conf, &h, -1, &ep, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "ANOTHER"));
	vn_vfu_hold_fini(&h);
	/* The right one, but no listener. */
	fd = vfu_shm_create(cl->dev.conf.vuid, &shm);
	vfu_shm_unmap(shm);
	assert_int_equal(vn_vfu_hold_add(&h, 1, VN_VFU_STATE, fd), 0);
	assert_int_equal(
		vn_vfio_user_take(&cl->dev, &conf, &h, -1, &ep, err, sizeof(err)), -EINVAL);
	vn_vfu_hold_fini(&h);
	mock_pci = pci;
}

static void
given(void *ctx, int result)
{
	*(int *)ctx = result;
}

/* Given away, and its successor's side closed: it ends, and says so. */
static void
give_to_nobody(void **state)
{
	struct cl *cl = *state;
	int sv[2], result = 1;

	cl_start(cl);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	close(sv[1]);
	vn_vfio_user_give(cl->ep, sv[0], given, &result);
	cl_drain(cl);
	assert_int_equal(result, -EPIPE);
	close(sv[0]);
	cl_unplug(cl);
}

/* What the function saves on its own account counts at once. */
static void
saved_between_messages(void **state)
{
	struct cl *cl = *state;
	unsigned int saves;

	cl_start(cl);
	saves = mock_pci.saves;
	mock_pci_save();
	assert_int_equal(mock_pci.saves, saves + 1);
	assert_int_equal(cl_read(cl, VN_PCI_CONFIG, 0, &saves, 4), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, cl_setup, cl_teardown)
	const struct CMUnitTest tests[] = {
		T(plug_errors),
		T(one_client_at_a_time),
		T(interrupts_end_with_client),
		T(byte_by_byte),
		T(descriptors_stay_with_their_message),
		T(half_message_then_nothing),
		T(replies_not_read),
		T(keeper_has_what_is_needed),
		T(hold_refuses_nonsense),
		T(take_refuses),
		T(give_to_nobody),
		T(saved_between_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
