/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pump.h"
#include "vfu_shm.h"

#define MAP_BASE UINT64_C(0x100000)
#define MAP_SIZE UINT64_C(0x2000)

static uint32_t
rnd(struct pump *p, uint32_t n)
{
	/* Knuth's MMIX generator: the same on every machine. */
	p->seed = p->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(p->seed >> 33) % n;
}

static void
send_bytes(struct pump *p, const void *data, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cm;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(p->fd, &mh, MSG_NOSIGNAL), len);
}

/* Send a request; at times in pieces, the descriptor with the first or with the second. */
static void
request(struct pump *p, uint16_t command, uint32_t flags, const void *payload, uint32_t len, int fd)
{
	uint8_t buf[PUMP_ROOM + 64];
	struct vfu_hdr h = {
		.id = ++p->id,
		.command = command,
		.size = (uint32_t)sizeof(h) + len,
		.flags = flags,
	};
	uint32_t cut;

	assert_true(h.size <= sizeof(buf));
	memcpy(buf, &h, sizeof(h));
	if (len > 0)
		memcpy(buf + sizeof(h), payload, len);
	p->sent++;
	if (rnd(p, 8) != 0) {
		send_bytes(p, buf, h.size, fd);
		return;
	}
	cut = 1 + rnd(p, h.size - 1);
	if (rnd(p, 2) == 0) {
		send_bytes(p, buf, cut, fd);
		send_bytes(p, buf + cut, h.size - cut, -1);
	} else {
		send_bytes(p, buf, cut, -1);
		send_bytes(p, buf + cut, h.size - cut, fd);
	}
}

/* The answer to the last request. */
static struct pump_want *
expect(struct pump *p, uint16_t command, int error, const void *data, uint32_t len)
{
	struct pump_want *w = &p->want[(p->first + p->n) % PUMP_WINDOW];

	assert_true(p->n < PUMP_WINDOW);
	p->n++;
	w->id = p->id;
	w->command = command;
	w->error = error;
	w->len = error != 0 ? 0 : len;
	w->event = -1;
	if (w->len > 0)
		memcpy(w->data, data, len);
	return w;
}

static void
do_write(struct pump *p, uint64_t offset, const void *data, uint32_t len, bool posted)
{
	uint8_t buf[PUMP_ROOM];
	struct vfu_access a = {.offset = offset, .region = VN_PCI_BAR4, .count = len};

	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), data, len);
	request(p, VFU_REGION_WRITE, posted ? VFU_F_NO_REPLY : 0, buf, (uint32_t)sizeof(a) + len,
		-1);
	if (!posted)
		expect(p, VFU_REGION_WRITE, 0, &a, sizeof(a));
}

static void
do_read(struct pump *p, uint64_t offset, const void *want, uint32_t len)
{
	uint8_t buf[PUMP_ROOM];
	struct vfu_access a = {.offset = offset, .region = VN_PCI_BAR4, .count = len};

	request(p, VFU_REGION_READ, 0, &a, sizeof(a), -1);
	memcpy(buf, &a, sizeof(a));
	memcpy(buf + sizeof(a), want, len);
	expect(p, VFU_REGION_READ, 0, buf, (uint32_t)sizeof(a) + len);
}

static void
do_multi(struct pump *p)
{
	struct {
		uint64_t n;
		struct vfu_multi w[3];
	} m;
	unsigned int i;
	uint64_t v;

	memset(&m, 0, sizeof(m));
	m.n = 3;
	for (i = 0; i < 3; i++) {
		v = rnd(p, 1000);
		m.w[i].a.region = VN_PCI_BAR4;
		m.w[i].a.offset = MOCK_HASH;
		m.w[i].a.count = 8;
		memcpy(m.w[i].data, &v, 8);
		p->hash = mock_hash(p->hash, v);
	}
	request(p, VFU_REGION_WRITE_MULTI, 0, &m, sizeof(m), -1);
	expect(p, VFU_REGION_WRITE_MULTI, 0, &m.n, 8);
}

static void
do_map(struct pump *p, unsigned int i)
{
	struct vfu_dma_map m = {
		.argsz = sizeof(m),
		.flags = VFU_MAP_READ | VFU_MAP_WRITE,
		.offset = i * MAP_SIZE,
		.address = MAP_BASE + 2 * i * MAP_SIZE,
		.size = MAP_SIZE,
	};

	request(p, VFU_DMA_MAP, 0, &m, sizeof(m), i % 4 == 3 ? -1 : p->memfd);
	expect(p, VFU_DMA_MAP, p->mapped[i] ? EEXIST : 0, NULL, 0);
	p->mapped[i] = true;
}

static void
do_unmap(struct pump *p, unsigned int i)
{
	struct vfu_dma_unmap u = {
		.argsz = sizeof(u),
		.address = MAP_BASE + 2 * i * MAP_SIZE,
		.size = MAP_SIZE,
	};

	request(p, VFU_DMA_UNMAP, 0, &u, sizeof(u), -1);
	expect(p, VFU_DMA_UNMAP, p->mapped[i] ? 0 : ENOENT, &u, sizeof(u));
	p->mapped[i] = false;
}

static void
do_unmap_all(struct pump *p)
{
	struct vfu_dma_unmap u = {.argsz = sizeof(u), .flags = VFU_UNMAP_ALL};

	request(p, VFU_DMA_UNMAP, 0, &u, sizeof(u), -1);
	expect(p, VFU_DMA_UNMAP, 0, &u, sizeof(u));
	memset(p->mapped, 0, sizeof(p->mapped));
}

/* Set a vector, take it away, or let the server raise it. */
static void
do_irq(struct pump *p)
{
	unsigned int i = rnd(p, PUMP_EVENTS), what = rnd(p, 3);
	struct vfu_irq_set s = {
		.argsz = sizeof(s),
		.flags = (what == 2 ? VFU_IRQ_DATA_NONE : VFU_IRQ_DATA_EVENTFD) |
			 VFU_IRQ_ACTION_TRIGGER,
		.index = VN_PCI_MSIX,
		.start = i,
		.count = 1,
	};
	struct pump_want *w;

	request(p, VFU_SET_IRQS, 0, &s, sizeof(s), what == 0 ? p->event[i] : -1);
	w = expect(p, VFU_SET_IRQS, 0, NULL, 0);
	if (what < 2)
		p->vector[i] = what == 0;
	else if (p->vector[i])
		w->event = (int)i;
}

void
pump_init(struct pump *p, int fd, uint64_t seed)
{
	struct vfu_version v = {0, 0};
	unsigned int i;

	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->seed = seed;
	p->memfd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(p->memfd >= 0);
	assert_int_equal(ftruncate(p->memfd, PUMP_MAPS * MAP_SIZE), 0);
	for (i = 0; i < PUMP_EVENTS; i++) {
		p->event[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_true(p->event[i] >= 0);
	}
	request(p, VFU_VERSION, 0, &v, sizeof(v), -1);
	/* Its text is not this test's. */
	expect(p, VFU_VERSION, 0, NULL, 0)->len = UINT32_MAX;
}

void
pump_fini(struct pump *p)
{
	unsigned int i;

	for (i = 0; i < PUMP_EVENTS; i++)
		close(p->event[i]);
	close(p->memfd);
	close(p->fd);
}

static void
check(struct pump *p, const struct vfu_hdr *h)
{
	const struct pump_want *w = &p->want[p->first];
	uint64_t n;

	if (p->n == 0)
		fail_msg("an answer that nobody waits for: id %u, command %u", h->id, h->command);
	if (h->id != w->id || h->command != w->command)
		fail_msg("answer to id %u (command %u) instead of %u (%u)", h->id, h->command,
			w->id, w->command);
	if (h->error != (uint32_t)w->error ||
		h->flags != (VFU_F_REPLY | (w->error != 0 ? VFU_F_ERROR : 0)))
		fail_msg("command %u, id %u: flags 0x%x, error %u instead of %d", h->command, h->id,
			h->flags, h->error, w->error);
	if (w->len != UINT32_MAX) {
		if (h->size != sizeof(*h) + w->len)
			fail_msg("command %u: answer of %u bytes", h->command, h->size);
		if (memcmp(p->in + sizeof(*h), w->data, w->len) != 0)
			fail_msg("command %u, id %u: wrong data after %llu answers", h->command,
				h->id, (unsigned long long)p->answered);
	}
	if (w->event >= 0) {
		/* One more than needed is right after a take-over; one fewer never is. */
		if (read(p->event[w->event], &n, sizeof(n)) == sizeof(n))
			p->came[w->event] += n;
		if (p->came[w->event] == 0)
			fail_msg("an interrupt is missing");
		p->came[w->event]--;
	}
	p->first = (p->first + 1) % PUMP_WINDOW;
	p->n--;
	p->answered++;
}

void
pump_drain(struct pump *p)
{
	struct vfu_hdr h;
	uint32_t want;
	ssize_t n;

	for (;;) {
		want = sizeof(h);
		if (p->got >= sizeof(h)) {
			memcpy(&h, p->in, sizeof(h));
			want = h.size;
			if (want < sizeof(h) || want > sizeof(p->in))
				fail_msg("answer of %u bytes: the stream is out of step", want);
			if (p->got == want) {
				check(p, &h);
				p->got = 0;
				continue;
			}
		}
		n = recv(p->fd, p->in + p->got, want - p->got, MSG_DONTWAIT);
		if (n == 0)
			fail_msg("the connection was closed");
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			return;
		}
		p->got += (uint32_t)n;
	}
}

void
pump_step(struct pump *p)
{
	uint64_t v = rnd(p, 1000);
	uint32_t at, len, i;
	uint8_t isr;

	pump_drain(p);
	/* Posted writes count as well: there must be an answer to wait for now and then. */
	if (p->n == PUMP_WINDOW)
		return;
	switch (rnd(p, 12)) {
	case 0:
	case 1:
		p->hash = mock_hash(p->hash, v);
		do_write(p, MOCK_HASH, &v, 8, false);
		break;
	case 2:
		p->hash = mock_hash(p->hash, v);
		do_write(p, MOCK_HASH, &v, 8, true);
		/* fall through */
	case 3:
	case 4:
		if (p->n < PUMP_WINDOW)
			do_read(p, MOCK_HASH, &p->hash, 8);
		break;
	case 5:
		len = 1 + rnd(p, 64);
		at = rnd(p, MOCK_MEM_LEN - len + 1);
		for (i = 0; i < len; i++)
			p->mem[at + i] = (uint8_t)rnd(p, 256);
		do_write(p, MOCK_MEM + at, p->mem + at, len, false);
		break;
	case 6:
		len = 1 + rnd(p, 64);
		at = rnd(p, MOCK_MEM_LEN - len + 1);
		do_read(p, MOCK_MEM + at, p->mem + at, len);
		break;
	case 7:
		p->isr = (uint8_t)(1 + rnd(p, 3));
		do_write(p, MOCK_SET_ISR, &p->isr, 1, true);
		isr = p->isr;
		p->isr = 0;
		do_read(p, VN_PCI_ISR, &isr, 1);
		break;
	case 8:
		do_multi(p);
		break;
	case 9:
		/* A burst, as VMMs send them. */
		for (i = rnd(p, PUMP_WINDOW); p->n < PUMP_WINDOW && i > 0; i--) {
			if (rnd(p, 2) == 0)
				do_map(p, rnd(p, PUMP_MAPS));
			else if (rnd(p, 40) == 0)
				do_unmap_all(p);
			else
				do_unmap(p, rnd(p, PUMP_MAPS));
		}
		break;
	case 10:
		do_irq(p);
		break;
	default:
		/* A doorbell: posted. */
		do_write(p, VN_PCI_NOTIFY, &v, 4, true);
		break;
	}
}

/* Room for one more. */
static void
room(struct pump *p)
{
	while (p->n == PUMP_WINDOW)
		pump_drain(p);
}

void
pump_finish(struct pump *p)
{
	uint8_t isr = 0;
	unsigned int i;

	room(p);
	do_read(p, MOCK_HASH, &p->hash, 8);
	room(p);
	do_read(p, VN_PCI_ISR, &isr, 1);
	for (i = 0; i < MOCK_MEM_LEN; i += 64) {
		room(p);
		do_read(p, MOCK_MEM + i, p->mem + i, 64);
	}
	/* Each is there, or is not, as we believe. */
	for (i = 0; i < PUMP_MAPS; i++) {
		room(p);
		do_unmap(p, i);
	}
}
