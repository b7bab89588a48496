// SPDX-License-Identifier: Apache-2.0
//! What is attached. Held by descriptors only, never pinned: the end of the process detaches it.

use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::ptr;

use libbpf_rs::libbpf_sys as sys;

use crate::beside::Beside;
use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;

/// Dropping detaches.
pub enum Link {
    /// bpf_link, or perf event of a tracepoint or kprobe: closing its descriptor detaches.
    Descriptor(#[allow(dead_code, reason = "held for its Drop")] libbpf_rs::Link),
    Uprobe(#[allow(dead_code, reason = "held for its Drop")] Uprobe),
    SkMsg(SkMsg),
}

/// To detach a uprobe the kernel waits until no thread can be in it any more: not on the caller's time.
pub struct Uprobe {
    link: Option<libbpf_rs::Link>,
    by_perf: bool,
}

static DETACHING: Beside<libbpf_rs::Link> = Beside::new();

impl Uprobe {
    /// Some 40 ms; several wait at once.
    pub fn of_multi_link(link: libbpf_rs::Link) -> Self {
        Self { link: Some(link), by_perf: false }
    }

    /// Some 100 ms, under a lock of the whole kernel that attaching takes, too.
    pub fn of_perf(link: libbpf_rs::Link) -> Self {
        Self { link: Some(link), by_perf: true }
    }

    /// Returns when all that were dropped are detached.
    pub fn settle() {
        DETACHING.settle();
    }
}

impl Drop for Uprobe {
    fn drop(&mut self) {
        match self.link.take() {
            Some(link) if self.by_perf => DETACHING.drop_in_turn(link),
            Some(link) => DETACHING.drop_at_once(link),
            None => {}
        }
    }
}

/// An sk_msg program on a sockhash. It has no link on kernels before 6.10: attached to the map itself it goes with the map's last
/// descriptor, or earlier by an explicit detach.
pub struct SkMsg {
    program: OwnedFd,
    map: OwnedFd,
    key_size: usize,
}

impl SkMsg {
    pub fn attach(program: OwnedFd, map: OwnedFd, key_size: usize, who: &str) -> Result<Self> {
        // SAFETY: both descriptors are open.
        let ret = unsafe { sys::bpf_prog_attach(program.as_raw_fd(), map.as_raw_fd(), sys::BPF_SK_MSG_VERDICT, 0) };
        if ret < 0 {
            return Err(Fault::os(Stage::Attach, ret, format!("{who}: cannot attach to the sockhash")));
        }
        Ok(Self { program, map, key_size })
    }

    /// A socket keeps the program that the map had when it was put in: only taking it out ends that.
    fn release_sockets(&self) {
        let mut key = vec![0_u8; self.key_size];
        for _ in 0..MOST_SOCKETS {
            // SAFETY: no key asks for the first one; `key` has room for it.
            let ret = unsafe { sys::bpf_map_get_next_key(self.map.as_raw_fd(), ptr::null(), key.as_mut_ptr().cast()) };
            if ret < 0 {
                return;
            }
            // SAFETY: `key` is a key. It may be gone by itself: the socket was closed.
            unsafe { sys::bpf_map_delete_elem(self.map.as_raw_fd(), key.as_ptr().cast()) };
        }
    }
}

/// Ends the walk where something refills the map faster than it is emptied.
const MOST_SOCKETS: usize = 1 << 20;

impl Drop for SkMsg {
    fn drop(&mut self) {
        // SAFETY: both descriptors are open. ENOENT (somebody else detached it) is what we want anyway.
        unsafe { sys::bpf_prog_detach2(self.program.as_raw_fd(), self.map.as_raw_fd(), sys::BPF_SK_MSG_VERDICT) };
        self.release_sockets();
    }
}
