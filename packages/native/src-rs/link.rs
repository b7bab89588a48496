// SPDX-License-Identifier: Apache-2.0
//! What is attached. Held by descriptors only, never pinned: the end of the process detaches it.

use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use libbpf_rs::libbpf_sys as sys;

use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;

/// Dropping detaches.
pub enum Link {
    /// bpf_link or perf event: closing its descriptor detaches.
    Descriptor(#[allow(dead_code, reason = "held for its Drop")] libbpf_rs::Link),
    Uprobe(#[allow(dead_code, reason = "held for its Drop")] Uprobe),
    SkMsg(SkMsg),
}

/// To detach a uprobe the kernel waits until no thread can be in it any more, some 40 ms: not on the caller's time. Several wait at once.
pub struct Uprobe(Option<libbpf_rs::Link>);

/// How many are being detached, and a bell for when there is none.
static DETACHING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Uprobe {
    pub fn new(link: libbpf_rs::Link) -> Self {
        Self(Some(link))
    }

    /// Returns when all that were dropped are detached.
    pub fn settle() {
        let (count, bell) = &DETACHING;
        let mut detaching = count.lock().unwrap_or_else(PoisonError::into_inner);
        while *detaching > 0 {
            detaching = bell.wait(detaching).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn detach(link: libbpf_rs::Link) {
        let (count, bell) = &DETACHING;
        drop(link);
        *count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        bell.notify_all();
    }
}

impl Drop for Uprobe {
    fn drop(&mut self) {
        let Some(link) = self.0.take() else { return };
        *DETACHING.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        // Where no thread can be had, the link is dropped with the closure: detached here, and not counted down.
        if thread::Builder::new().name("obi-detach".into()).stack_size(DETACH_STACK).spawn(move || Self::detach(link)).is_err() {
            *DETACHING.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        }
    }
}

/// libbpf closes a descriptor and frees some memory.
const DETACH_STACK: usize = 128 * 1024;

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
