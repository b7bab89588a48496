// SPDX-License-Identifier: Apache-2.0
//! The memory of a ring buffer map, consumed by the C shim.

use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::ptr;
use std::ptr::NonNull;

use libbpf_rs::libbpf_sys as sys;

use crate::error::Fault;
use crate::error::Result;
use crate::error::Stage;
use crate::map::Map;
use crate::shim;
use crate::shim::Drained;

/// A mapped ring. One consumer per map: two of them would steal each other's records.
pub struct Ring {
    memory: NonNull<shim::ObiRing>,
    fd: OwnedFd,
    name: String,
    size: usize,
}

impl Ring {
    pub fn open(map: &Map) -> Result<Self> {
        let info = map.info();
        if info.kind != sys::BPF_MAP_TYPE_RINGBUF {
            return Err(Fault::usage(Stage::Poll, format!("map {}: is no ring buffer ({info})", info.name)));
        }
        let fd = map
            .as_fd()
            .try_clone_to_owned()
            .map_err(|e| Fault::os(Stage::Poll, e.raw_os_error().unwrap_or(0), format!("ring {}: cannot duplicate its descriptor", info.name)))?;
        let mut memory = ptr::null_mut();
        // SAFETY: the descriptor is a ring buffer map of `max_entries` bytes; `memory` takes the result.
        let ret = unsafe { shim::obi_ring_open(fd.as_raw_fd(), info.max_entries, &mut memory) };
        match NonNull::new(memory) {
            Some(memory) if ret == 0 => Ok(Self { memory, fd, name: info.name.clone(), size: info.max_entries as usize }),
            _ => Err(Fault::os(Stage::Poll, ret, format!("ring {}: cannot map its memory", info.name))),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of data that the ring can hold.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Moves committed records into `out` (see OnBatch in core's kernel.ts for the format).
    pub fn drain(&self, out: &mut [u8]) -> Drained {
        let mut result = Drained::default();
        // SAFETY: the memory is mapped while self lives; the shim writes at most out.len() bytes.
        unsafe { shim::obi_ring_drain(self.memory.as_ptr(), out.as_mut_ptr(), out.len(), &mut result) };
        result
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: nobody uses the memory after this.
        unsafe { shim::obi_ring_close(self.memory.as_ptr()) };
    }
}
