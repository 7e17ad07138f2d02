/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * libFuzzer target: a host that accesses the function in any way. The input is a kind of function,
 * then a program of accesses, resets, interrupts that come and go, and saves with restores.
 * pci_seeds.py knows the encoding. Beyond not crashing, the function has to look the same
 * throughout: identity, read-only bits, and what is within a region.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/eventfd.h>

#include <rte_common.h>
#include <rte_log.h>

#include "fuzz_device.h"
#include "pci_private.h"
#include "vn_features.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, in every build. */
#define CHECK(cond)                                                                \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

enum op {
	OP_READ,     /* u8 region, u16 offset, u8 length */
	OP_WRITE,    /* the same, then the bytes */
	OP_FAR,      /* u8 region | 0x80 to write, u64 offset, u32 length: zeros are written */
	OP_RESET,    /* by the host */
	OP_SAVE,     /* save, start anew, restore */
	OP_DAMAGED,  /* the same, with byte u16 of the record changed by XOR with u8 */
	OP_IRQ,      /* u8: 1 INTx has its eventfd, 2 MSI-X is set up; u8 n: vector that changed */
	OP_PROGRESS, /* u8: that many things end that were held back */
	OP_HOLD,     /* from now on resets take time */
	OP_MEM,      /* u16 offset, u8 length, the bytes: into guest memory */
	OP_RUN,      /* u8 queue (bit 7: packed): a driver's way to DRIVER_OK, with a ring */
	OP_NEWS,     /* u8: link, MTU, announcement, VFs: what the controller says */
	NUM_OPS,
};

/* Kinds of function: the first byte of the input. */
static const struct {
	enum vn_function_type type;
	struct vn_pci_conf conf;
} kinds[] = {
	{VN_STATIC_PF, {.msix_vectors = 8, .max_vectors = 7}},
	{VN_HOTPLUG_PF, {.msix_vectors = 0, .max_vectors = 0}},
	{VN_VF, {.msix_vectors = 300, .max_vectors = 3, .doorbell_page = true}},
	{VN_HOTPLUG_PF, {.transitional = true, .msix_vectors = 4, .max_vectors = 2048}},
	{VN_STATIC_PF, {.transitional = true}},
};

struct function {
	struct vn_device *dev;
	struct vn_pci_fn *fn;
	bool intx, msix; /* what the transport has */
};
static struct function functions[RTE_DIM(kinds)];
static int evfd;

static uint8_t record[VN_PCI_FN_SAVE_MAX];

struct input {
	const uint8_t *p;
	size_t left;
	unsigned int ops, restarts; /* so far: long inputs find nothing that short ones do not */
};
#define MAX_OPS      200
#define MAX_RESTARTS 4

static int
irq_fd(void *ctx, enum vn_pci_irq irq, uint16_t n)
{
	const struct function *f = ctx;

	CHECK(irq == VN_PCI_INTX || irq == VN_PCI_MSIX);
	CHECK(n < vn_pci_fn_irqs(f->fn, irq));
	if (irq == VN_PCI_INTX)
		return f->intx ? evfd : -1;
	return f->msix ? evfd : -1;
}

static bool
msix_active(void *ctx)
{
	return ((struct function *)ctx)->msix;
}

static const struct vn_pci_ops ops = {.irq_fd = irq_fd, .msix_active = msix_active};

#define MOST_VFS 40

/* The controller makes an even number of them, in its time. */
static void
want_vfs(void *ctx, struct vn_device *dev, uint16_t n)
{
	const struct function *f = ctx;

	CHECK(dev == f->dev && n <= MOST_VFS);
	if (n % 2 != 0)
		vn_pci_fn_set_vfs(f->fn, 0, true);
}

/* The first kind may own VFs. */
static void
with_vfs(struct function *f)
{
	f->dev->conf.total_vfs = MOST_VFS;
	f->dev->conf.vf_offset = 0x200;
	f->dev->conf.vf_msix = 300;
	f->dev->env.want_vfs = want_vfs;
	f->dev->env.ctx = f;
}

int
LLVMFuzzerInitialize(int *argc __rte_unused, char ***argv __rte_unused)
{
	evfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	CHECK(evfd >= 0);
	for (unsigned int i = 0; i < RTE_DIM(kinds); i++) {
		struct function *f = &functions[i];

		f->dev = fuzz_env_device(i, kinds[i].type);
		if (i == 0)
			with_vfs(f);
		CHECK(vn_pci_fn_create(f->dev, &kinds[i].conf, &ops, f, &f->fn) == 0);
	}
	rte_log_set_global_level(RTE_LOG_EMERG);
	return 0;
}

static uint64_t
take(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes && in->left > 0; i++, in->p++, in->left--)
		v |= (uint64_t)*in->p << (8 * i);
	return v;
}

static const uint8_t *
take_bytes(struct input *in, unsigned int bytes)
{
	static uint8_t buf[256];
	const unsigned int n = RTE_MIN(bytes, in->left);

	memset(buf, 0, sizeof(buf));
	memcpy(buf, in->p, n);
	in->p += n;
	in->left -= n;
	return buf;
}

static bool
fits(const struct function *f, unsigned int region, uint64_t offset, uint32_t len)
{
	struct vn_pci_region_info info;

	vn_pci_fn_region(f->fn, region, &info);
	return info.size > 0 && len <= info.size && offset <= info.size - len;
}

static void
read_one(struct function *f, unsigned int region, uint64_t offset, uint32_t len)
{
	/* its own allocation: a byte too many shows */
	uint8_t *buf = malloc(len > 0 ? len : 1);

	CHECK(buf != NULL);
	CHECK(vn_pci_fn_read(f->fn, region, offset, buf, len) ==
		(fits(f, region, offset, len) ? 0 : -EINVAL));
	free(buf);
}

static void
write_one(struct function *f, unsigned int region, uint64_t offset, const void *bytes, uint32_t len)
{
	uint8_t *buf = calloc(1, len > 0 ? len : 1);

	CHECK(buf != NULL);
	if (bytes != NULL && len > 0)
		memcpy(buf, bytes, len);
	vn_pci_fn_is_doorbell(f->fn, region, offset, len);
	CHECK(vn_pci_fn_write(f->fn, region, offset, buf, len) ==
		(fits(f, region, offset, len) ? 0 : -EINVAL));
	free(buf);
}

static void
far_access(struct function *f, struct input *in)
{
	const unsigned int region = (unsigned int)take(in, 1);
	const uint64_t offset = take(in, 8);
	const uint32_t len = (uint32_t)take(in, 4);
	uint8_t none[1];

	/* what is not within the region must not be touched, so there is no buffer for it */
	if (!fits(f, region & 0x7f, offset, len)) {
		CHECK(vn_pci_fn_read(f->fn, region & 0x7f, offset, none, len) == -EINVAL);
		CHECK(vn_pci_fn_write(f->fn, region & 0x7f, offset, none, len) == -EINVAL);
	} else if ((region & 0x80) != 0) {
		write_one(f, region & 0x7f, offset, NULL, len);
	} else {
		read_one(f, region & 0x7f, offset, len);
	}
}

static void
ended(void *ctx, int result __rte_unused)
{
	++*(unsigned int *)ctx;
}

/* A host's reset, waited for. */
static void
start_anew(struct function *f)
{
	unsigned int calls = 0;
	uint8_t config[PCI_CFG_BYTES];

	fuzz_env_settle();
	vn_pci_fn_set_vfs(f->fn, 0, false);
	vn_pci_fn_reset(f->fn, ended, &calls);
	fuzz_env_settle();
	CHECK(calls == 1);
	CHECK(vn_pci_fn_read(f->fn, VN_PCI_CONFIG, 0, config, sizeof(config)) == 0);
	CHECK(memcmp(config, f->fn->initial, sizeof(config)) == 0);
	CHECK(vn_model_status(f->dev) == 0);
}

static void
save_restore(struct function *f, bool damage, uint16_t at, uint8_t by)
{
	uint8_t *copy;
	int len, again, ret;

	fuzz_env_settle();
	len = vn_pci_fn_save(f->fn, record, sizeof(record));
	CHECK(len > 0);
	copy = malloc(len);
	CHECK(copy != NULL);
	memcpy(copy, record, len);
	if (damage)
		copy[at % len] ^= by;
	start_anew(f);
	ret = vn_pci_fn_restore(f->fn, copy, len);
	if (!damage || by == 0) {
		/* a ring that cannot run again is said by the device's status */
		CHECK(ret != -ENOSPC);
		again = vn_pci_fn_save(f->fn, record, sizeof(record));
		CHECK(ret != 0 || again == len);
		CHECK(ret != 0 || memcmp(copy, record, 32 + PCI_CFG_BYTES) == 0);
	}
	if (ret != 0)
		start_anew(f);
	free(copy);
}

static void
interrupts(struct function *f, struct input *in)
{
	const unsigned int what = (unsigned int)take(in, 1);
	const uint32_t n = (uint32_t)take(in, 1);

	f->intx = (what & 1) != 0;
	f->msix = (what & 2) != 0 && vn_pci_fn_irqs(f->fn, VN_PCI_MSIX) > 0;
	vn_pci_fn_irq_changed(
		f->fn, (what & 4) != 0 ? VN_PCI_MSIX : VN_PCI_INTX, n == 0xff ? UINT32_MAX : n);
	vn_pci_fn_intx_pending(f->fn);
}

#define COMMON(field) offsetof(struct vn_pci_common_cfg, field)

static void
set_common(struct function *f, uint32_t offset, uint32_t len, uint64_t v)
{
	CHECK(vn_pci_fn_write(f->fn, VN_PCI_BAR4, VN_PCI_COMMON + offset, &v, len) == 0);
}

/* What a driver does, so that inputs need not find it: all that is offered is accepted. */
static void
run_driver(struct function *f, struct input *in)
{
	const uint8_t what = (uint8_t)take(in, 1);
	const uint64_t refused = what & 0x80 ? 0 : VN_F_RING_PACKED;
	const uint16_t q = what & 0x7f;

	set_common(f, COMMON(device_status), 1, VN_STATUS_ACK | VN_STATUS_DRIVER);
	for (uint32_t word = 0; word < 2; word++) {
		set_common(f, COMMON(driver_feature_select), 4, word);
		set_common(f, COMMON(driver_feature), 4,
			vn_model_offered(f->dev, word) & ~(uint32_t)(refused >> 32 * word));
	}
	set_common(f, COMMON(device_status), 1,
		VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK);
	set_common(f, COMMON(queue_select), 2, q);
	set_common(f, COMMON(queue_size), 2, 4);
	set_common(f, COMMON(queue_msix_vector), 2, q);
	set_common(f, COMMON(queue_desc), 8, FUZZ_GPA + (q & 15) * 0x1000);
	set_common(f, COMMON(queue_driver), 8, FUZZ_GPA + (q & 15) * 0x1000 + 0x100);
	set_common(f, COMMON(queue_device), 8, FUZZ_GPA + (q & 15) * 0x1000 + 0x200);
	set_common(f, COMMON(queue_enable), 2, 1);
	set_common(f, COMMON(device_status), 1,
		VN_STATUS_ACK | VN_STATUS_DRIVER | VN_STATUS_FEATURES_OK | VN_STATUS_DRIVER_OK);
}

/* What no access may change. */
static void
check_function(struct function *f)
{
	const struct vn_pci_fn *fn = f->fn;

	for (unsigned int i = 0; i < PCI_CFG_BYTES; i++)
		CHECK(((fn->cfg[i] ^ fn->initial[i]) & ~fn->mask[i]) == 0);
	CHECK(!vn_pci_fn_intx_pending(fn) || !pci_msix_on(fn));
}

static void
one_op(struct function *f, struct input *in)
{
	struct vn_device_conf conf;
	unsigned int region, len;
	uint16_t offset;

	switch (take(in, 1) % NUM_OPS) {
	case OP_READ:
	case OP_RESET: /* rarely: it makes an end of what the input has reached */
		region = (unsigned int)take(in, 1);
		if (region == 0xff) {
			in->restarts++;
			start_anew(f);
			break;
		}
		offset = (uint16_t)take(in, 2);
		read_one(f, region, offset, (uint32_t)take(in, 1));
		break;
	case OP_WRITE:
		region = (unsigned int)take(in, 1);
		offset = (uint16_t)take(in, 2);
		len = (unsigned int)take(in, 1);
		write_one(f, region, offset, take_bytes(in, len), len);
		break;
	case OP_FAR:
		far_access(f, in);
		break;
	case OP_SAVE:
		in->restarts++;
		save_restore(f, false, 0, 0);
		break;
	case OP_DAMAGED:
		in->restarts++;
		offset = (uint16_t)take(in, 2);
		save_restore(f, true, offset, (uint8_t)take(in, 1));
		break;
	case OP_IRQ:
		interrupts(f, in);
		break;
	case OP_PROGRESS:
		fuzz_env_progress((unsigned int)take(in, 1));
		break;
	case OP_HOLD:
		fuzz_env_hold();
		break;
	case OP_MEM:
		offset = (uint16_t)take(in, 2);
		len = (unsigned int)take(in, 1);
		memcpy(fuzz_env_mem() + RTE_MIN(offset, FUZZ_MEM_BYTES - 256), take_bytes(in, len),
			len);
		break;
	case OP_RUN:
		run_driver(f, in);
		break;
	case OP_NEWS:
		len = (unsigned int)take(in, 1);
		conf = f->dev->conf;
		conf.link_down = (len & 1) == 0;
		conf.mtu = 1500 + (len & 6);
		CHECK(vn_device_reconf(f->dev, &conf) == 0);
		if ((len & 8) != 0)
			vn_model_announce(f->dev);
		if ((len & 16) != 0)
			vn_pci_fn_set_vfs(f->fn, len >> 6, (len & 32) != 0);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.p = data, .left = size};
	struct function *f = &functions[take(&in, 1) % RTE_DIM(kinds)];

	while (in.left > 0 && in.ops++ < MAX_OPS && in.restarts <= MAX_RESTARTS) {
		one_op(f, &in);
		fuzz_env_idle();
		check_function(f);
	}
	f->intx = false;
	f->msix = false;
	vn_pci_fn_irq_changed(f->fn, VN_PCI_MSIX, UINT32_MAX);
	start_anew(f);
	memset(fuzz_env_mem(), 0, FUZZ_MEM_BYTES);
	return 0;
}
