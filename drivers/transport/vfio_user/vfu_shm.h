/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef VFU_SHM_H
#define VFU_SHM_H

/**
 * @file
 * All state of a connection that has to outlive the process, in a memory file: the journal that
 * makes each request count exactly once, the registers of the function, the interrupts and the
 * memory map. With the descriptors that it names by number it is the whole of a connection.
 *
 * A process may die (SIGKILL) between any two instructions; what it had stored stays. So:
 *
 * - The word `mark` is the truth. It holds the number of messages executed, says which of two
 *   buffers is valid for each state, and how far the next message has come. One store of it makes a
 *   message executed, with its new state and its reply.
 * - A message is peeked at first. Before it is taken from the socket its bytes are in here and its
 *   descriptors with the keeper, so a successor can take and execute it as well, from the state
 *   before it.
 * - Replies, and entries of the memory map, carry the number of the message that made them. Those
 *   with a number beyond the mark have never been.
 * - Whether a message was taken from the socket, and a reply sent, is said by the kernel: it writes
 *   `msg_len` of a struct mmsghdr that lies in here before the system call can end, so before the
 *   process can die ("send, then note it" is wrong now and then). For that the page must be
 *   there: these are locked in memory.
 * - A peek may bring descriptors of a later message (the kernel looks on for the first ones, even
 *   when it has all the bytes it was asked for). Which ones came with this one is also said by the
 *   kernel when it is taken: the control data lie in here, too.
 *
 * Message n: peek - [bytes, numbers of descriptors, mark = n - 1, TAKING] - take - [TAKEN] -
 * execute - [state, reply, mark = n] - send.
 *
 * Control thread. Not a file format: a successor of another version refuses it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "vfu_proto.h"
#include "vn_device.h"
#include "vn_msg.h"
#include "vn_pci_fn.h"

#define VFU_SHM_MAGIC   0x55465631u /* "1VFU" */
#define VFU_SHM_VERSION 1u

/** Most data of one access; a reply of this size goes into the socket in one piece. */
#define VFU_MAX_XFER 32768u
/** Largest message: a write of that much, and room for the JSON of others. */
#define VFU_MAX_MSG (VFU_MAX_XFER + 64u)
/** Memory regions of one client. */
#define VFU_MAX_MAPS VN_GM_MAX_REGIONS
/** Replies that wait for the pollers (memory maps changed in one go), at most. */
#define VFU_MAX_OWED 32
/** MSI-X vectors (PCI Local Bus 3.0, 6.8.2.3). */
#define VFU_MAX_VECTORS 2048
/** Pieces that a reply may go out in: a peer that takes less at a time is not reading. */
#define VFU_SEND_PARTS 4
/**
 * Pieces that a message can be taken in: a read ends behind each piece with descriptors, of which
 * there are VN_MSG_MAX_FDS at most.
 */
#define VFU_TAKE_PARTS (VN_MSG_MAX_FDS + 1)

/* Bits of vfu_shm::mark below the number of messages. */
#define VFU_MARK_PCI    1u /* pci[1] is valid, else pci[0] */
#define VFU_MARK_OWN    2u /* own[1] is valid, else own[0] */
#define VFU_MARK_TAKING 4u /* the next message is in vfu_shm::in, perhaps still in the socket */
#define VFU_MARK_TAKEN  8u /* it is here only, and to be executed */
#define VFU_MARK_SHIFT  8

/** A reply that is owed: valid when 0 < seq <= messages executed. */
struct vfu_reply {
	uint64_t seq; /* of its message; 0: unused */
	uint32_t len;
	bool big;                          /* data lies in vfu_shm::big, of which there is one */
	bool with_fd;                      /* the doorbell page's descriptor goes with it */
	struct mmsghdr mm[VFU_SEND_PARTS]; /* msg_len: bytes sent */
	uint8_t small[64];
};

/** What a connection has agreed and set, but for memory. Numbers are descriptors': vfu_hold.h. */
struct vfu_own {
	bool negotiated;
	uint16_t minor;
	uint32_t peer_fds; /* most descriptors that it takes with one message */
	bool intx_masked;
	bool msix_on; /* by SET_IRQS; also without any eventfd */
	uint32_t intx;
	uint32_t msix[VFU_MAX_VECTORS];
};

/** A DMA map: there when 0 < born <= messages executed, and not died before or with them. */
struct vfu_map {
	uint64_t born, died;
	uint64_t address, size, offset;
	uint32_t file; /* descriptor's number; 0: memory that cannot be mapped */
	uint32_t flags;
};

struct vfu_shm {
	uint32_t magic, version;
	uint64_t size; /* of this structure: layouts differ between builds */
	char vuid[VN_VUID_LEN];
	uint32_t next_number; /* of a descriptor; never used twice */
	uint32_t conn;        /* number of the connection's socket; 0: nobody is connected */

	uint64_t mark;

	/* The next message. */
	uint32_t msg_size;
	uint32_t n_fds; /* those that a peek showed; once it is taken: those it has */
	uint32_t fd_number[VN_MSG_MAX_FDS];
	struct mmsghdr take[VFU_TAKE_PARTS]; /* msg_len: bytes taken */
	union vfu_control {
		struct cmsghdr align;
		uint8_t buf[CMSG_SPACE(VN_MSG_MAX_FDS * sizeof(int))];
	} control[VFU_TAKE_PARTS];
	uint8_t in[VFU_MAX_MSG + 1];

	struct vfu_reply reply[VFU_MAX_OWED];
	uint8_t big[VFU_MAX_MSG];

	/* From here on nothing is written by the kernel. */
	struct vfu_own own[2];
	struct {
		uint64_t len; /* 0: as the function is made */
		uint8_t data[VN_PCI_FN_SAVE_MAX];
	} pci[2];
	struct vfu_map map[VFU_MAX_MAPS];
};

/** Make the memory file of a device. @return its descriptor, or negative errno. */
int vfu_shm_create(const char *vuid, struct vfu_shm **shm);
/** Map one that an earlier process made, and check it. @p err gets one line. */
int vfu_shm_adopt(int fd, const char *vuid, struct vfu_shm **shm, char *err, size_t errlen);
void vfu_shm_unmap(struct vfu_shm *shm);
/** There is a client: what the kernel writes for us must be in memory. */
void vfu_shm_lock(struct vfu_shm *shm);

static inline uint64_t
vfu_shm_mark(const struct vfu_shm *shm)
{
	return __atomic_load_n(&shm->mark, __ATOMIC_ACQUIRE);
}

static inline void
vfu_shm_set_mark(struct vfu_shm *shm, uint64_t mark)
{
	__atomic_store_n(&shm->mark, mark, __ATOMIC_RELEASE);
}

/** Messages executed. */
static inline uint64_t
vfu_shm_seq(const struct vfu_shm *shm)
{
	return vfu_shm_mark(shm) >> VFU_MARK_SHIFT;
}

/** The compiler may not move stores over this: what is above counts before what is below. */
static inline void
vfu_shm_order(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline bool
vfu_map_live(const struct vfu_map *m, uint64_t seq)
{
	return m->born != 0 && m->born <= seq && (m->died == 0 || m->died > seq);
}

#endif /* VFU_SHM_H */
